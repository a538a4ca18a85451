"""May we look, by law and by promise: facts, packs of rules, and the strict engine that answers."""
