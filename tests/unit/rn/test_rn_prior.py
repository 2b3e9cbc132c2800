"""The push-pull prior."""

import pytest
import torch

from pipeline.rn.prior import GREY, biharmonic_refine, push_pull


def scene(count: int = 2, height: int = 40, width: int = 56) -> torch.Tensor:
    down = torch.linspace(0.2, 0.7, height)[:, None]
    across = torch.linspace(0.0, 0.3, width)[None, :]
    plane = down + across
    return torch.stack([torch.stack([plane, plane * 0.8, plane * 0.5])] * count)


def hole_like(image: torch.Tensor) -> torch.Tensor:
    return torch.zeros(image.shape[0], 1, *image.shape[-2:])


def test_known_pixels_come_back_exactly_and_a_ramp_is_continued() -> None:
    image = scene()
    hole = hole_like(image)
    hole[:, :, 10:20, 15:25] = 1
    filled = push_pull(image, hole)
    assert torch.equal(filled[(hole == 0).expand_as(filled)], image[(hole == 0).expand_as(image)])
    assert (filled - image).abs().max() < 0.03


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (1, 9), (33, 1)])
def test_any_size_and_a_constant_stays_constant(size: tuple[int, int]) -> None:
    image = torch.full((1, 3, *size), 0.37)
    hole = hole_like(image)
    hole[..., size[0] // 2, size[1] // 2] = 1
    assert torch.allclose(push_pull(image, hole), image, atol=1e-6)


def test_pixels_inside_the_hole_never_matter() -> None:
    image = scene()
    hole = hole_like(image)
    hole[:, :, 5:9] = 1
    spoiled = image.clone()
    spoiled[:, :, 5:9] = float("nan")
    assert torch.equal(push_pull(image, hole), push_pull(spoiled, hole))


def test_a_picture_without_known_pixels_is_grey_and_does_not_affect_others() -> None:
    image = scene()
    hole = hole_like(image)
    hole[0] = 1
    hole[1, :, 3:6] = 1
    both = push_pull(image, hole)
    assert torch.allclose(both[0], torch.full_like(both[0], GREY))
    assert torch.equal(both[1:], push_pull(image[1:], hole[1:]))


def test_the_fill_keeps_within_what_is_known() -> None:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    hole = hole_like(image)
    hole[..., 8:56, 8:56] = 1
    filled = push_pull(image, hole)
    assert filled.min() >= image.min()
    assert filled.max() <= image.max()


def test_a_refined_fill_continues_the_slope_on_either_side() -> None:
    across = torch.linspace(-1, 1, 64)
    image = (0.5 + 0.4 * torch.sin(5 * across)).expand(1, 3, 64, 64).contiguous()
    hole = hole_like(image)
    hole[..., 20:23] = 1
    flat = push_pull(image, hole)
    bent = biharmonic_refine(flat, hole, 12)
    assert torch.equal(bent[(hole == 0).expand_as(bent)], image[(hole == 0).expand_as(image)])
    assert (bent - image).abs().max() < 0.3 * (flat - image).abs().max()
    assert torch.equal(biharmonic_refine(flat, hole, 0), flat)


def test_narrow_holes_converge_to_the_biharmonic_fill() -> None:
    import numpy as np
    from skimage.restoration import inpaint_biharmonic

    grid = torch.linspace(0, 6, 24)
    image = (0.5 + 0.3 * torch.sin(grid[:, None] + 0.5) * torch.cos(grid[None])).expand(1, 3, 24, 24).contiguous()
    hole = hole_like(image)
    hole[..., 11:13, 4:20] = 1
    wanted = inpaint_biharmonic(image[0].permute(1, 2, 0).numpy(), hole[0, 0].numpy() > 0, channel_axis=2)
    flat = push_pull(image, hole)
    fills = (flat, biharmonic_refine(flat, hole, 12))
    far, near = (np.abs(one[0].permute(1, 2, 0).numpy() - wanted).max() for one in fills)
    assert near < 0.1 * far


def test_a_wide_hole_is_refined_at_its_rim_alone() -> None:
    image = scene(1, 120, 120)
    image[..., :20, :] += 0.1
    hole = hole_like(image)
    hole[..., 20:100, 20:100] = 1
    flat = push_pull(image, hole)
    changed = (biharmonic_refine(flat, hole, 12) - flat).abs()[0, 0]
    assert changed.max() > 1e-3
    assert changed[50:70, 50:70].max() < 1e-6, "24 pixels from the rim nothing has arrived"
