"""What inventory takes and shows: one module for each kind of resource."""
