"""AppService: a team's application as one object, and the Deployment and Service that it becomes."""
