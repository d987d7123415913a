from django.urls import path
from rest_framework.routers import SimpleRouter

from products.views.categories import CategoryViewSet
from products.views.products import BulkProductsView, ProductViewSet

router = SimpleRouter()
router.register("categories", CategoryViewSet, basename="category")
router.register("", ProductViewSet, basename="product")

urlpatterns = [path("bulk/", BulkProductsView.as_view(), name="product-bulk"), *router.urls]
