"""The category tree."""

from collections.abc import Mapping
from typing import Final

from products import services as products
from products.models import Category

Tree = Mapping[str, "Tree"]


def _leaves(*names: str) -> dict[str, Tree]:
    return {name: {} for name in names}


TREE: Final[Tree] = {
    "Clothing": {
        "Outerwear": _leaves("Rain Jackets", "Insulated Vests"),
        "Layers": _leaves("Fleece", "Merino"),
        "Accessories": _leaves("Socks", "Beanies", "Gloves", "Sun Hats"),
        "Trousers": {},
    },
    "Footwear": _leaves("Hiking Boots", "Trail Running Shoes", "Slippers"),
    "Camping": {
        "Tents": {},
        "Sleeping": _leaves("Sleeping Bags", "Sleeping Mats", "Hammocks"),
        "Camp Furniture": {},
        "Lanterns": {},
    },
    "Bags and Travel": {
        "Backpacks": _leaves("Trekking Packs", "Daypacks"),
        "Luggage": _leaves("Duffels", "Dry Bags"),
        "Bottles": {},
        "Trekking Poles": {},
    },
    "Kitchen": {
        "Cookware": _leaves("Skillets", "Saucepans"),
        "Kitchen Knives": {},
        "Tableware": _leaves("Mugs", "Bowls"),
        "Storage Jars": {},
    },
    "Home": {
        "Textiles": _leaves("Blankets", "Cushions", "Rugs"),
        "Light": _leaves("Candles", "Table Lamps"),
        "Baskets": {},
    },
    "Garden": {
        "Garden Tools": _leaves("Trowels", "Pruners"),
        "Growing": _leaves("Planters", "Seeds", "Watering Cans"),
        "Wildlife": _leaves("Bird Feeders"),
    },
    "Workshop": _leaves("Tool Sets", "Axes", "Pocket Knives"),
    "Bath": _leaves("Towels", "Soap", "Brushes"),
}


def create_categories(tree: Tree = TREE, parent: Category | None = None) -> None:
    """Makes the tree, each category after the one it stands in."""
    for name, children in tree.items():
        create_categories(children, products.create_category(name=name, parent=parent))
