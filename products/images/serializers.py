"""Pictures in and out."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from pms_backend.api import serializers
from products.images.limits import MAX_IMAGE_BYTES
from products.images.names import SENT_TYPES
from products.models import MAX_ALT_LENGTH, MAX_URL_LENGTH, ImageStatus
from products.serializers import MAX_POSITION, ImageSerializer

UPLOAD_ID_LENGTH = 32


class ImageChangeSerializer(serializers.Serializer[Any]):
    """What is said of a picture."""

    alt = serializers.CharField(max_length=MAX_ALT_LENGTH, allow_blank=True, required=False)
    position = serializers.IntegerField(min_value=0, max_value=MAX_POSITION, required=False)


class ImageFileSerializer(ImageChangeSerializer):
    """A picture as a file."""

    file = serializers.FileField(use_url=False)


class ImageSourceSerializer(ImageChangeSerializer):
    """A picture that is elsewhere: at a `url`, or in the bucket as an `upload`; one of the two."""

    url = serializers.CharField(max_length=MAX_URL_LENGTH, required=False)
    upload = serializers.CharField(max_length=UPLOAD_ID_LENGTH, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One source, not two."""
        if ("url" in attrs) == ("upload" in attrs):
            raise serializers.ValidationError("Give a file (multipart), a `url` or an `upload`.", code="one_source")
        return attrs


class ImageDetailSerializer(ImageSerializer):
    """A picture and where it comes from. What is pending or failed has no content; a shop's pages see none of it."""

    url = serializers.CharField(allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=ImageStatus.choices, required=False)
    source_url = serializers.CharField(required=False)
    error = serializers.CharField(required=False)


@extend_schema_serializer(many=False)
class ImageListSerializer(serializers.Serializer[Any]):
    """All pictures of a product, in their order."""

    results = ImageDetailSerializer(many=True)


class UploadRequestSerializer(serializers.Serializer[Any]):
    """What is going to be sent."""

    content_type = serializers.ChoiceField(choices=SENT_TYPES)
    size = serializers.IntegerField(min_value=1, max_value=MAX_IMAGE_BYTES)


class UploadSerializer(serializers.Serializer[Any]):
    """Where to send it: `method` to `url` with these headers, until `expires_at`."""

    id = serializers.CharField()
    url = serializers.CharField()
    method = serializers.ChoiceField(choices=["PUT"])
    headers = serializers.DictField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
