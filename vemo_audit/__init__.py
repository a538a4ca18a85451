"""An auditing and fairness toolkit for video emotion recognition, with consent-aware serving."""
