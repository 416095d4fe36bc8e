"""How the cells' numbers come into the record: files matched to specimens, numbers landed as answers."""
