"""What is particular to attention."""

import numpy as np
import torch

from repertoire.engines.torch_engine import TorchRun
from repertoire.families.seq2seq.network import reversal
from tests.families import small


def made(project):
    family, config, data, _ = small("dates", project.folder)
    torch.manual_seed(0)
    network = family.build(config, data.facts).eval()
    return TorchRun(family.graphs(network, data.facts)), data


def test_reversal_leaves_padding_at_the_end():
    ids = torch.tensor([[3, 5, 7, 1, 0, 0], [2, 1, 0, 0, 0, 0], [9, 8, 7, 6, 5, 1]])
    expected = [[1, 7, 5, 3, 0, 0], [1, 2, 0, 0, 0, 0], [1, 5, 6, 7, 8, 9]]
    assert ids.gather(1, reversal(ids)).tolist() == expected


def test_padding_changes_no_result(project):
    run, data = made(project)
    source = data.arrays("test")["source"][:5].astype(np.int64)
    wider = np.pad(source, ((0, 0), (0, 7)))
    longest = np.array(11)
    one = run("translate", source=source, max_length=longest)
    other = run("translate", source=wider, max_length=longest)
    assert (one["tokens"] == other["tokens"]).all()
    np.testing.assert_allclose(one["log_prob"], other["log_prob"], atol=1e-5)


def test_attention_lies_on_the_source_and_sums_to_one(project):
    run, data = made(project)
    arrays = data.arrays("test")
    source, target = (arrays[k][:7].astype(np.int64) for k in ("source", "target"))
    attention = run("score", source=source, target=target)["attention"]
    np.testing.assert_allclose(attention.sum(2), 1, atol=1e-5)
    assert (attention * (source == 0)[:, None, :]).max() == 0


def test_a_translation_scores_what_its_decoder_said(project):
    run, data = made(project)
    source = data.arrays("test")["source"][:3].astype(np.int64)
    decoded = run("translate", source=source, max_length=np.array(5))
    scored = run("score", source=source, target=decoded["tokens"])["log_probs"]
    total = (scored * (decoded["tokens"] != 0)).sum(1)
    np.testing.assert_allclose(total, decoded["log_prob"], atol=1e-4)


def test_greedy_beats_every_single_change_of_its_first_token(project):
    run, data = made(project)
    source = data.arrays("test")["source"][:1].astype(np.int64)
    first = int(run("translate", source=source, max_length=np.array(1))["tokens"][0, 0])
    every = np.arange(data.facts["target_vocabulary"])[:, None]
    scored = run("score", source=np.repeat(source, len(every), 0), target=every)["log_probs"]
    assert int(scored[:, 0].argmax()) == first
