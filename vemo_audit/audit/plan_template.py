"""The commented plan that `vemo-audit plan new` writes: every key with its meaning and its default."""

TEMPLATE = """\
# An audit plan. Paths are relative to this file. An unknown key is an error, so a typing slip cannot change an audit.
title = "Our recognizer on our recordings"
question = "Does the recognizer serve women and men equally well?"

# metrics = ["accuracy", "uar", "macro_f1", "ece", "brier"]   # also debiased_ece, nll, overconfidence, abstention,
#                                                             # tpr_<label>, fpr_<label>, ppv_<label>
# level = 0.95         # of every interval
# draws = 2000         # bootstrap resamples of people, shown beside the interval that is judged
# seed = 0
# k = 5                # groups of fewer people are hidden; a plan may only raise it
# undecided = "fail"   # or "warn": exit with 0 when criteria are undecided; they stay undecided in the report

[dataset]
name = "folder"        # an installed plug-in (folder, ravdess, cremad, probe), or module:Name
path = "data"          # holds labels.csv (clip, label, subject) and traits.csv (subject, one column for each trait)
# drop = []            # labels of the dataset that are left out, and counted in the report
# [dataset.options]    # what the plug-in takes; folder: labels, traits, subjects, sheet
# [dataset.mapping]    # label of the dataset = label of the recognizer, when they differ
# happy = "happiness"

[[recognizer]]         # one or more; each has exactly one of table, plugin and published
name = "vendor"
table = "predictions.csv"              # clip, p_<label> ...; check it with: vemo-audit table check predictions.csv
# options = { layout = "openface", classes = "emfacs" }   # for a table of py-feat, OpenFace 2, LibreFace or DeepFace
# plugin = "temporal_multimodal"       # a recognizer that sees the clips now, behind the gate; `options` are its own
# published = "fusion_av"              # answers that the dataset itself publishes
# version = ""
# training_data = ""
# licence = ""

[gate]
historic = true                        # the table has no decision behind it, and the report says so
# deployment = "deployment.toml"       # else: the signed deployment manifest,
# consents = ["consents"]              # consents and dataset releases: files, or folders with NAME.json for the clip
#                                      # or the subject NAME,
# purpose = "dataset_audit"            # and what for
# outputs = ["expression_label", "valence_arousal"]  # what is asked for; "action_units" keeps units in the table

[slices]
traits = ["sex"]       # traits of traits.csv by which people are compared
depth = 2              # intersections of up to so many traits

[[criterion]]          # one or more
id = "sex-gap"
metric = "accuracy"
kind = "gap_within"    # between every two groups; or at_least, at_most (the value itself)
limit = 0.05
over = "sex"           # or "overall" for at_least and at_most
# recognizers = []     # names; empty means all
"""
