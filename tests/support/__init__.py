"""What several tests need. Imports of ours stay inside the functions that need them."""
