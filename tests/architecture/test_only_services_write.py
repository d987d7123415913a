"""Only services write: views, serializers, admin, tasks, commands, receivers and sync call them."""

import ast
from pathlib import PurePosixPath

import pytest

from tests.architecture.sources import modules
from tests.architecture.writes import find_writes

# (module, what) → why it may.
ALLOWED: dict[tuple[str, str], str] = {
    ("products/images/content.py", ".save()"): "Pillow writes a picture to memory",
    ("pms_backend/operations/bucket_checks.py", ".save()"): "a storage writes a file, which the check deletes",
}


# A PMS of its own, with a database of its own.
SIMULATOR = "pms_integration/simulator/"


def is_service(path: str) -> bool:
    return "services" in PurePosixPath(path).with_suffix("").parts


def test_only_services_write():
    found = {
        f"{path}:{line}: {what}"
        for path, tree in modules().items()
        if not is_service(path) and not path.startswith(SIMULATOR)
        for line, what in find_writes(tree)
        if (path, what) not in ALLOWED
    }

    assert found == set()


def test_the_allow_list_names_only_existing_code():
    there = {(path, what) for path, tree in modules().items() for _, what in find_writes(tree)}

    assert set(ALLOWED) <= there


@pytest.mark.parametrize(
    "source",
    [
        "Product.objects.create(name='x')",
        "Product.objects.filter(pk=1).update(name='x')",
        "Product.objects.filter(pk=1).delete()",
        "self.get_queryset().update(a=1)",
        "self.model.objects.bulk_create([])",
        "async def f():\n    await Product.objects.acreate()",
        "rows = Product.objects.filter(a=1)\nrows.update(a=2)",
        "rows = Product.objects.all()\nothers = rows.exclude(a=1)\nothers.update(a=2)",
        "for row in Product.objects.all():\n    row.update(a=1)",
        "if (row := Product.objects.first()) is not None:\n    row.name = 'x'\n    row.save()",
        "from products.models import Product\nrow = Product(name='x')\nrow.save()",
        "from products.models import Product\ndef f(product: Product):\n    product.delete()",
        "def f(rows: 'QuerySet[Product]'):\n    rows.update(a=1)",
        "def perform_update(self, serializer):\n    serializer.save()",
        "def f(self, request, queryset):\n    queryset.update(a=1)",
        "self.instance.update(a=1)",
        "product.variants.create(sku='A')",
        "get_object_or_404(Product, pk=1).delete()",
        "Product.objects.update_or_create(a=1)",
        "cursor.execute('INSERT INTO products_product (name) VALUES (1)')",
        "SQL = 'update products_product AS p set name = 1'",
        "cursor.execute(f'DELETE FROM {table}')",
        "class V(mixins.CreateModelMixin, GenericViewSet[Product]):\n    pass",
        "class V(ModelViewSet):\n    def perform_create(self): ...\n    def perform_update(self): ...",
        "class S(serializers.ModelSerializer[Product]):\n    def create(self, data): ...",
    ],
)
def test_a_write_is_found(source):
    assert find_writes(ast.parse(source)) != []


@pytest.mark.parametrize(
    "source",
    [
        "headers.update({'a': 1})",
        "self.headers.update(a=1)",
        "digest = hashlib.sha256()\ndigest.update(b'')",
        "redis.delete('key')",
        "get_redis_connection('default').delete(self._flag)",
        "services.create_product(data={})",
        "row = Product.objects.first()\nservices.update_product(product_id=row.pk, data={})",
        "Product.objects.filter(pk=1).exists()",
        "cursor.execute('SELECT * FROM products_product FOR NO KEY UPDATE')",
        "def f():\n    'INSERT INTO is what services do.'",
        "class V(mixins.CreateModelMixin):\n    def perform_create(self, serializer): ...",
        "class S(Serializer[Any]):\n    def validate(self, data): ...",
    ],
)
def test_a_read_is_not_reported(source):
    assert find_writes(ast.parse(source)) == []
