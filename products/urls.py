from django.urls import path
from rest_framework.routers import SimpleRouter

from products.views.categories import CategoryViewSet
from products.views.products import BulkProductsView, ProductViewSet
from products.views.variants import VariantViewSet

router = SimpleRouter()
router.register("categories", CategoryViewSet, basename="category")
router.register("variants", VariantViewSet, basename="variant")
router.register("", ProductViewSet, basename="product")

urlpatterns = [path("bulk/", BulkProductsView.as_view(), name="product-bulk"), *router.urls]
