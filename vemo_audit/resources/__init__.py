"""Where things lie: policies, models, layouts, plug-ins and the weights that other packages carry."""
