"""The door for agents: who may open a tunnel, and what they tell when they come."""
