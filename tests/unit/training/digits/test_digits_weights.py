"""Weights files of the digit networks: saved, loaded, and refused when invalid."""

from __future__ import annotations

import pytest
import torch

from pipeline.engines.digits.weights import NETWORKS, file_name, load_network, read_facts, save_network
from pipeline.errors import WeightsError


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_saved_is_loaded(name, tmp_path):
    torch.manual_seed(0)
    module = NETWORKS[name]()
    path = tmp_path / file_name(name)
    digest = save_network(path, name, module, {"seed": "7"})
    found, loaded, again = load_network(path)
    assert (found, again) == (name, digest)
    assert not loaded.training
    assert read_facts(path)["seed"] == "7"
    assert save_network(path, name, module, {"seed": "7"}) == digest
    for key, value in module.state_dict().items():
        assert torch.allclose(loaded.state_dict()[key], value, atol=1e-3)
    assert path.stat().st_size < 3 << 20
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_files_without_a_digit_network_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(WeightsError, match=r"cannot read the weights .*w\.safetensors"):
        load_network(path)
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="does not hold the weights of a digit network"):
        load_network(path)
    save_network(path, "judge", NETWORKS["judge"](), {})
    with pytest.raises(WeightsError, match="give digits-paper or digits-region"):
        load_network(path, "paper", "region")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged"):
        load_network(path)
    broken = NETWORKS["judge"]()
    with torch.no_grad():
        next(broken.parameters())[0] = torch.nan
    save_network(path, "judge", broken, {})
    with pytest.raises(WeightsError, match="not finite"):
        load_network(path)
