"""What a broker refuses a worker: ACLs, limits of groups, features."""
