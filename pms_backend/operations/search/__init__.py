"""The search of the admin: one box over products, stock, documents, and the pages of the menu."""
