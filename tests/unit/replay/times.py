"""Times of a replay's day that come when they are let."""


class Times:
    def __init__(self):
        self.events = []

    def later(self, at, do):
        self.events.append((at, len(self.events), do))

    def until(self, end):
        while due := sorted(each[:2] for each in self.events if each[0] <= end):
            event = next(each for each in self.events if each[:2] == due[0])
            self.events.remove(event)
            event[2](event[0])
