"""Lightning's Trainer as a side of `bench.loops`: its import takes longer than all else there."""

import time

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from bench.loops import ARITHMETIC, STEPS, WARM_UP, Loss, Seconds, enough, plain, wait

PRECISION = {"bfloat16": "bf16-mixed", "float32": "32-true"}  # as Lightning names them


class Module(lightning.LightningModule):
    """A network for Lightning, its films in channels_last."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.loss = network, Loss()

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Of a batch."""
        images, masks = batch
        return self.loss(self.network(images.contiguous(memory_format=torch.channels_last)), masks)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=0.001)


class Clock(lightning.Callback):
    """Stamps the end of each step, and stops when there are enough."""

    def __init__(self) -> None:
        self.times, self.last = Seconds(), time.perf_counter()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: object, _outputs: object, _batch: object, number: int
    ) -> None:
        """Lightning calls this after every step."""
        if (number + 1) % STEPS:
            return
        wait()
        now = time.perf_counter()
        self.times.append((now - self.last) / STEPS)
        self.last = now
        trainer.should_stop = enough(self.times)


def train(network: nn.Module, films: DataLoader[tuple[Tensor, Tensor]]) -> Seconds:
    """Steps with channels_last, and bfloat16 where the device has it."""
    clock = Clock()
    trainer = lightning.Trainer(
        accelerator="auto", precision=PRECISION[ARITHMETIC], max_epochs=1, callbacks=[clock], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Module(plain(network).to(memory_format=torch.channels_last)), films)
    return clock.times[WARM_UP:]
