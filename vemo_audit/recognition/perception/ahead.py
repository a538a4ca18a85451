"""Lets one thread make what another uses: decoding, guarding and searching run while faces and bodies are read."""

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
HELD = 16
"""Things that wait at most, so that memory stays bounded."""
LOOK_S = 0.1
"""How often a waiting thread looks whether the other has left."""


class _End:
    """The last thing in the queue, with what went wrong while things were made."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(things: Iterable[T], *, held: int = HELD, begin: Callable[[], object] | None = None) -> Iterator[T]:
    """The same things in the same order, made by a thread of their own, at most `held` before they are used.

    What is raised while they are made is raised here, after everything that was made before it. When the caller stops
    early, nothing further is made: at most the one thing that is being made is finished and dropped. `begin` is called
    first in the new thread.
    """
    waiting: Queue[T | _End] = Queue(held)
    left = Event()

    def put(one: T | _End) -> bool:
        while not left.is_set():
            try:
                waiting.put(one, timeout=LOOK_S)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        making = iter(things)
        try:
            if begin is not None:
                begin()
            for one in making:
                if not put(one):
                    break
        except BaseException as raised:  # handed over, not swallowed
            error = raised
        finally:
            if left.is_set() and hasattr(making, "close"):
                making.close()  # a decoder that nobody listens to is ended here, not when memory is tidied
        put(_End(error))

    maker = Thread(target=work, name="ahead", daemon=True)
    maker.start()
    try:
        while True:
            try:
                one = waiting.get(timeout=LOOK_S)
            except Empty:
                if not maker.is_alive() and waiting.empty():
                    raise RuntimeError("the thread that reads ahead ended without a word") from None
                continue
            if isinstance(one, _End):
                if one.error is not None:
                    raise one.error
                return
            yield one
    finally:
        left.set()
        maker.join()
