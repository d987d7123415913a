"""The serializers of inventory, a module for each resource."""
