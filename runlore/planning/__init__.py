"""Planning: what work will take, estimated before it is done."""
