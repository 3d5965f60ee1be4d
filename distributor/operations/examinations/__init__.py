"""What `distributor doctor` looks at: one module for each thing that may be wrong; `findings` are what they return."""
