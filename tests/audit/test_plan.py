"""Plans: what is written is what is asked, and a slip of the pen is never a different audit."""

from pathlib import Path

import pytest
from fakes import PLAN

from vemo_audit.audit.plan import read_plan
from vemo_audit.audit.plan_file import PlanFile
from vemo_audit.audit.plan_template import TEMPLATE
from vemo_audit.errors import BadInput


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_plan(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, PLAN))
    assert plan.dataset.path == tmp_path.resolve() / "data"
    assert plan.recognizers[0].table == tmp_path.resolve() / "predictions.csv"
    assert plan.gate.historic and plan.criteria[0].id == "sex-gap"
    assert (plan.level, plan.k, plan.undecided) == (0.95, 5, "fail")


def test_a_plan_asks_for_labels_unless_it_names_more(tmp_path: Path) -> None:
    assert read_plan(written(tmp_path, PLAN)).gate.outputs == {"expression_label", "valence_arousal"}
    more = PLAN.replace("historic = true", 'historic = true\noutputs = ["expression_label", "action_units"]')
    assert read_plan(written(tmp_path, more)).gate.outputs == {"expression_label", "action_units"}
    with pytest.raises(BadInput, match=r"gate\.outputs\.1 = 'truth'"):
        read_plan(written(tmp_path, more.replace("expression_label", "truth")))


def test_the_digest_is_that_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    here, there = written(tmp_path, PLAN), written(tmp_path / "elsewhere", PLAN)
    assert read_plan(here).digest == read_plan(there).digest
    assert read_plan(written(tmp_path, PLAN.replace("0.05", "0.06"))).digest != read_plan(there).digest
    assert read_plan(written(tmp_path, "# a remark\n" + PLAN)).digest == read_plan(there).digest


@pytest.mark.parametrize(
    ("old", "new", "found", "expected"),
    [
        ('title = "A', 'titel = "x"\ntitle = "A', "the unknown key 'titel'", "title"),
        ('path = "data"', 'path = "data"\nfolder = "x"', "the unknown key 'dataset.folder'", "mapping"),
        ('name = "vendor"', 'name = "vendor"\nmodel = "x"', "the unknown key 'recognizer.1.model'", "published"),
        ('over = "sex"', 'over = "sex"\nmargin = 1', "the unknown key 'criterion.1.margin'", "limit"),
        ("[slices]", "[slices]\ndeep = 2", "the unknown key 'slices.deep'", "depth"),
        ("historic = true", "historic = true\nfail_open = true", "the unknown key 'gate.fail_open'", "purpose"),
        ('title = "A vendor on made-up people"', "", "no key 'title'", "stated"),
        ('kind = "gap_within"', 'kind = "equal"', "criterion.1.kind = 'equal'", "gap_within"),
        ("limit = 0.05", "limit = -0.05", "criterion.1 = ", "limit of 0 or more"),
        ('over = "sex"', "", "criterion.1 = ", "a trait"),
        ('over = "sex"', 'over = "age"', "over = 'age'", "overall, sex"),
        ('metric = "accuracy"', 'metric = "f2"', "metric 'f2'", "accuracy"),
        ("draws = 200", "draws = 2", "draws = 2", "100"),
        ("draws = 200", "k = 4", "k = 4", "5"),
        ("draws = 200", "level = 95", "level = 95", "less than 1"),
        ("draws = 200", 'draws = "200"', "draws = '200'", "integer"),
        ("historic = true", "", "gate = {}", "historic = true"),
        ("historic = true", 'historic = true\ndeployment = "d.toml"', "gate = ", "either"),
        ('table = "predictions.csv"', "", "recognizer.1 = ", "exactly one of"),
        ('table = "predictions.csv"', 'plugin = "x"', "the recognizer 'vendor' before a gate", "deployment"),
        ("historic = true", 'historic = "yes"', "gate.historic = 'yes'", "boolean"),
        ("limit = 0.05", "limit = true", "criterion.1.limit = True", "number"),
        ("limit = 0.05", 'limit = "5"', "criterion.1.limit = '5'", "number"),
        ("limit = 0.05", "limit = nan", "criterion.1.limit = nan", "finite"),
        ("limit = 0.05", "limit = inf", "criterion.1.limit = inf", "finite"),
        ("limit = 0.05", "limit = 5", "limit = 5 for accuracy", "0 to 1"),
        ("limit = 0.05", "limit = 1", "limit = 1 for accuracy", "0 to 1"),
        ('kind = "gap_within"\nlimit = 0.05', 'kind = "at_least"\nlimit = 0', "limit = 0 for accuracy", "0 to 1"),
        ('kind = "gap_within"\nlimit = 0.05', 'kind = "at_most"\nlimit = 80', "limit = 80 for accuracy", "0 to 1"),
        ('traits = ["sex"]', 'traits = ["sex", "sex"]', "the trait 'sex' twice", "once"),
        ("draws = 200", 'metrics = ["accuracy", "accuracy"]', "the metric 'accuracy' twice", "once"),
        ("title =", "title", "it cannot be read", "TOML"),
    ],
)
def test_a_faulty_plan_is_refused_with_its_key(old: str, new: str, found: str, expected: str, tmp_path: Path) -> None:
    assert old in PLAN
    path = written(tmp_path, PLAN.replace(old, new, 1))
    with pytest.raises(BadInput) as refusal:
        read_plan(path)
    assert found in refusal.value.found and expected in refusal.value.expected
    assert str(path) in refusal.value.where and refusal.value.exit_code == 2


def test_the_twin_that_ignores_unknown_keys_would_run_another_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PlanFile.model_config, "extra", "ignore")
    PlanFile.model_rebuild(force=True)
    try:
        slip = written(tmp_path, PLAN.replace("draws = 200", "undecidde = 'warn'"))
        assert read_plan(slip).undecided == "fail"
    finally:
        monkeypatch.undo()
        PlanFile.model_rebuild(force=True)
    with pytest.raises(BadInput, match="undecidde"):
        read_plan(slip)


def test_a_plan_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + PLAN.replace("\n", "\r\n").encode())
    assert read_plan(path).digest == read_plan(written(tmp_path, PLAN)).digest


def test_names_come_once(tmp_path: Path) -> None:
    again = PLAN[PLAN.index("[[criterion]]") :]
    with pytest.raises(BadInput, match="the criterion 'sex-gap' twice"):
        read_plan(written(tmp_path, PLAN + again))
    again = PLAN[PLAN.index("[[recognizer]]") : PLAN.index("[gate]")]
    with pytest.raises(BadInput, match="the recognizer 'vendor' twice"):
        read_plan(written(tmp_path, PLAN + again))


def test_every_recognizer_is_held_to_something(tmp_path: Path) -> None:
    second = '[[recognizer]]\nname = "other"\ntable = "o.csv"\n'
    text = PLAN.replace('over = "sex"', 'over = "sex"\nrecognizers = ["vendor"]')
    with pytest.raises(BadInput, match="no criterion for the recognizer 'other'"):
        read_plan(written(tmp_path, text + second))


def test_labels_may_be_renamed_and_dropped(tmp_path: Path) -> None:
    renamed = PLAN.replace('path = "data"', 'path = "data"\ndrop = ["bored"]\nmapping = { happy = "calm" }')
    mapping = read_plan(written(tmp_path, renamed)).dataset.mapping
    assert mapping is not None and mapping("happy") == "calm" and mapping("bored") is None
    with pytest.raises(BadInput, match="without dataset"):
        read_plan(written(tmp_path, PLAN.replace('path = "data"', 'path = "data"\ndrop = ["bored"]')))


def test_the_template_is_a_plan_and_names_every_key(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, TEMPLATE))
    assert plan.criteria and plan.gate.historic
    for name, field in PlanFile.model_fields.items():
        assert name in TEMPLATE, name
        inner = getattr(field.annotation, "model_fields", {})
        assert all(key in TEMPLATE for key in inner)


def test_an_absent_plan_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="plan new"):
        read_plan(tmp_path / "absent.toml")
