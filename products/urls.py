from django.urls import path
from rest_framework.routers import SimpleRouter

from products.views.categories import CategoryViewSet
from products.views.history import ProductHistoryViewSet
from products.views.images import ImageUploadView, ProductImageViewSet
from products.views.products import BulkProductsView, ProductViewSet
from products.views.variants import VariantViewSet

router = SimpleRouter()
router.register(r"(?P<product>[0-9]{1,18})/images", ProductImageViewSet, basename="product-image")
router.register("categories", CategoryViewSet, basename="category")
router.register("variants", VariantViewSet, basename="variant")
router.register("", ProductViewSet, basename="product")
router.register(r"(?P<product>[0-9]{1,18})/history", ProductHistoryViewSet, basename="product-history")

urlpatterns = [
    path("bulk/", BulkProductsView.as_view(), name="product-bulk"),
    path("images/uploads/", ImageUploadView.as_view(), name="image-uploads"),
    *router.urls,
]
