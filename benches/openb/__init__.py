"""GPU traces of Alibaba, the protocol of the FGD paper on them, and FGD itself."""
