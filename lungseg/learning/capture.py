"""Work on a GPU, recorded once as one graph of kernels and replayed from then on without Python.

What a capture asks of the work, and the order of warm-up, recording and replay, are PyTorch's
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs): the same shapes every time, no tensor off the card,
no wait for the card, no random numbers but those of the card's own generator.
"""

from collections.abc import Callable

import torch
from torch import Tensor


class Capture:
    """A function of tensors that can be recorded.

    Warm-up and recording use one stream, not the default one: what the libraries set up for a stream (cuBLAS its
    workspace) is then there before the recording, and gradients do not wait for a stream outside of it.

    Args:
        work: Takes tensors and returns one. What else it reads and writes must lie where it lies as long as it is
            replayed.
    """

    def __init__(self, work: Callable[..., Tensor]) -> None:
        self.work, self.stream = work, torch.cuda.Stream()

    def warm_up(self, *inputs: Tensor) -> Tensor:
        """Work once, kernel by kernel."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            result = self.work(*inputs)
        torch.cuda.current_stream().wait_stream(self.stream)
        return result

    def record(self, *inputs: Tensor) -> None:
        """Record the work without doing it. If that fails, all is as before and this capture is of no more use.

        Args:
            inputs: Like those of every replay in shape and type.

        Raises:
            RuntimeError: The work did something that cannot be recorded, or memory is short.
        """
        self.inputs, self.graph = tuple(each.clone() for each in inputs), torch.cuda.CUDAGraph()
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        drawn = generator.get_state()
        try:
            with torch.cuda.stream(self.stream), torch.cuda.graph(self.graph, stream=self.stream):
                self.result = self.work(*self.inputs)
        except RuntimeError:
            self.graph.reset()
            # A recording that broke off may leave the generator waiting for its end: give it a state of its own.
            fresh = torch.Generator(generator.device)
            fresh.set_state(drawn)
            generator.graphsafe_set_state(fresh)
            raise

    def replay(self, *inputs: Tensor) -> Tensor:
        """Do the recorded work on other inputs."""
        for place, each in zip(self.inputs, inputs, strict=True):
            place.copy_(each)
        self.graph.replay()
        return self.result.clone()  # the next replay writes where this one wrote
