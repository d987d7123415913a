from django.urls import path
from rest_framework.routers import SimpleRouter

from products import views

router = SimpleRouter()
router.register("categories", views.CategoryViewSet, basename="category")
router.register("", views.ProductViewSet, basename="product")

urlpatterns = [path("bulk/", views.BulkProductsView.as_view(), name="product-bulk"), *router.urls]
