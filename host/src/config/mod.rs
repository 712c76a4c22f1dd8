//! What the operator wants: read from flags, environment, file and defaults, in this order.
