from django.urls import path
from rest_framework.routers import SimpleRouter

from products.views.categories import CategoryViewSet
from products.views.images import ImageUploadView, ProductImageViewSet
from products.views.products import BulkProductsView, ProductViewSet

router = SimpleRouter()
router.register(r"(?P<product>[0-9]{1,18})/images", ProductImageViewSet, basename="product-image")
router.register("categories", CategoryViewSet, basename="category")
router.register("", ProductViewSet, basename="product")

urlpatterns = [
    path("bulk/", BulkProductsView.as_view(), name="product-bulk"),
    path("images/uploads/", ImageUploadView.as_view(), name="image-uploads"),
    *router.urls,
]
