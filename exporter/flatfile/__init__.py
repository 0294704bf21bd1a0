"""The only speaker of HTTP to Flatfile. Everything above asks through the Protocol ``Flatfile``."""
