"""The metrics and intervals again, as slow plain loops that share no code with the package."""

import math

from scipy import stats

BINS = 15


def rows_of(scored):
    """Plain tuples (truth, predicted, probabilities, subject), weighted rows written out."""
    found = []
    for i in range(len(scored.truth)):
        times = 1 if scored.weight is None else int(scored.weight[i])
        row = (int(scored.truth[i]), int(scored.predicted[i]), [float(p) for p in scored.probability[i]],
               scored.subjects[scored.subject[i]])  # fmt: skip
        found += [row] * times
    return found


def accuracy(rows):
    return sum(1 for t, a, _, _ in rows if t == a) / len(rows) if rows else math.nan


def recall(rows, k):
    mine = [a for t, a, _, _ in rows if t == k]
    return sum(1 for a in mine if a == k) / len(mine) if mine else math.nan


def uar(rows, classes):
    found = [recall(rows, k) for k in range(classes)]
    found = [x for x in found if not math.isnan(x)]
    return sum(found) / len(found) if found else math.nan


def macro_f1(rows, classes):
    found = []
    for k in range(classes):
        right = sum(1 for t, a, _, _ in rows if t == a == k)
        either = sum(1 for t, _, _, _ in rows if t == k) + sum(1 for _, a, _, _ in rows if a == k)
        if either:
            found.append(2 * right / either)
    return sum(found) / len(found) if found else math.nan


def fpr(rows, k):
    others = [a for t, a, _, _ in rows if t != k]
    return sum(1 for a in others if a == k) / len(others) if others else math.nan


def ppv(rows, k):
    answers = [t for t, a, _, _ in rows if a == k]
    return sum(1 for t in answers if t == k) / len(answers) if answers else math.nan


def _binned(rows):
    bins = [[] for _ in range(BINS)]
    for t, a, p, s in rows:
        if a >= 0:
            bins[min(int(p[a] * BINS), BINS - 1)].append((p[a], t == a, s))
    return bins


def ece(rows):
    bins = _binned(rows)
    n = sum(len(b) for b in bins)
    if not n:
        return math.nan
    return sum(len(b) / n * abs(sum(c for c, _, _ in b) / len(b) - sum(h for _, h, _ in b) / len(b)) for b in bins if b)


def debiased_ece(rows):
    bins = _binned(rows)
    n = sum(len(b) for b in bins)
    if not n:
        return math.nan
    square = 0.0
    for b in bins:
        subjects = sorted({s for _, _, s in b})
        if len(subjects) < 2:
            continue
        gap = sum(c - h for c, h, _ in b) / len(b)
        residual = [sum(c - h - gap for c, h, s in b if s == subject) for subject in subjects]
        m = len(subjects)
        square += len(b) / n * (gap**2 - m / (m - 1) * sum(r * r for r in residual) / len(b) ** 2)
    return math.sqrt(max(0.0, square))


def brier(rows):
    found = [sum((x - (k == t)) ** 2 for k, x in enumerate(p)) for t, a, p, _ in rows if a >= 0]
    return sum(found) / len(found) if found else math.nan


def nll(rows):
    found = [-math.log(max(p[t], 1e-12)) for t, a, p, _ in rows if a >= 0]
    return sum(found) / len(found) if found else math.nan


def overconfidence(rows):
    found = [p[a] - (t == a) for t, a, p, _ in rows if a >= 0]
    return sum(found) / len(found) if found else math.nan


def variance_and_df(rows, metric):
    """Jackknife by subject, one subject at a time, from the rows; degrees of freedom are Kish's number less one."""
    subjects = sorted({s for *_, s in rows})
    sizes = [sum(1 for *_, s in rows if s == subject) for subject in subjects]
    left = [metric([row for row in rows if row[3] != subject]) for subject in subjects]
    mean = sum(left) / len(left)
    count = len(subjects)
    variance = (count - 1) / count * sum((x - mean) ** 2 for x in left)
    return variance, sum(sizes) ** 2 / sum(x * x for x in sizes) - 1


def level_interval(rows, metric, *, level=0.95):
    variance, df = variance_and_df(rows, metric)
    half = stats.t.ppf((1 + level) / 2, df) * math.sqrt(variance)
    return metric(rows) - half, metric(rows) + half


def gap_interval(rows_a, rows_b, metric, *, level=0.95):
    (va, da), (vb, db) = variance_and_df(rows_a, metric), variance_and_df(rows_b, metric)
    df = (va + vb) ** 2 / (va**2 / da + vb**2 / db)
    half = stats.t.ppf((1 + level) / 2, df) * math.sqrt(va + vb)
    gap = metric(rows_a) - metric(rows_b)
    return gap - half, gap + half


def intraclass(groups):
    """ICC of hits, subjects nested in groups, from lists of rows, by textbook sums of squares."""
    between = within = 0.0
    subjects = rows = 0
    overlap = 0.0
    for group in groups:
        mean = accuracy(group)
        names = sorted({s for *_, s in group})
        for name in names:
            hits = [float(t == a) for t, a, _, s in group if s == name]
            own = sum(hits) / len(hits)
            between += len(hits) * (own - mean) ** 2
            within += sum((h - own) ** 2 for h in hits)
            overlap += len(hits) ** 2 / len(group)
        subjects += len(names)
        rows += len(group)
    msb, msw = between / (subjects - len(groups)), within / (rows - subjects)
    size = (rows - overlap) / (subjects - len(groups))
    return max(0.0, (msb - msw) / (msb + (size - 1) * msw))


def drawn(rows, weights, metric):
    """The metric of rows in which the subjects, in alphabetical order, stand as often as `weights` say."""
    subjects = sorted({s for *_, s in rows})
    written = [row for subject, times in zip(subjects, weights, strict=True)
               for row in rows if row[3] == subject for _ in range(int(times))]  # fmt: skip
    return metric(written) if written else math.nan
