from django.urls import path

from pms_backend.events.views import FeedView

urlpatterns = [path("", FeedView.as_view(), name="event-feed")]
