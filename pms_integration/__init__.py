"""The integration with PMSs: webhooks that they send, and imports and exports of files."""
