"""The adaptive softmax against PyTorch's own, and as a distribution."""

import pytest
import torch

from repertoire.nn.adaptive import SHRINK, AdaptiveSoftmax, TiedAdaptiveSoftmax

ROWS, WIDTH, VOCABULARY, CUTOFFS = 73, 29, 211, [17, 101]


def same_weights(ours, theirs):
    with torch.no_grad():
        theirs.head.weight.copy_(ours.head.weight)
        theirs.head.bias.copy_(ours.head.bias)
        for one, other in zip(ours.clusters, theirs.tail, strict=True):
            for mine, its in zip(one, other, strict=True):
                its.weight.copy_(mine.weight)
                # PyTorch's clusters have no biases.
                if mine.bias is not None:
                    mine.bias.zero_()


def example():
    torch.manual_seed(0)
    ours = AdaptiveSoftmax(WIDTH, VOCABULARY, CUTOFFS)
    features = torch.randn(ROWS, WIDTH, requires_grad=True)
    return ours, features, torch.randint(0, VOCABULARY, (ROWS,))


def test_it_agrees_with_the_reference_library():
    ours, features, targets = example()
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(
        WIDTH, VOCABULARY, CUTOFFS, div_value=SHRINK, head_bias=True
    )
    same_weights(ours, theirs)
    torch.testing.assert_close(ours(features), theirs.log_prob(features))
    found, wanted = ours.loss(features, targets, torch.float32), theirs(features, targets).loss
    torch.testing.assert_close(found, wanted)
    gradients = [torch.autograd.grad(loss, features)[0] for loss in (found, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_probabilities_sum_to_one_and_the_loss_is_theirs():
    ours, features, targets = example()
    log_probs = ours(features)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(ROWS))
    chosen = -log_probs.gather(1, targets[:, None]).mean()
    torch.testing.assert_close(ours.loss(features, targets, torch.float32), chosen)


def tied_example():
    torch.manual_seed(0)
    ours = TiedAdaptiveSoftmax(torch.nn.Parameter(torch.randn(VOCABULARY, WIDTH)), CUTOFFS)
    with torch.no_grad():
        ours.entries.normal_()
        ours.bias.normal_()
    return ours, torch.randn(ROWS, WIDTH), torch.randint(0, VOCABULARY, (ROWS,))


def test_tied_probabilities_sum_to_one_and_the_loss_is_theirs():
    ours, features, targets = tied_example()
    log_probs = ours(features)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(ROWS))
    chosen = -log_probs.gather(1, targets[:, None]).mean()
    torch.testing.assert_close(ours.loss(features, targets, torch.float32), chosen)


def test_tied_rows_of_one_cluster_differ_by_what_the_embedding_says():
    ours, features, _ = tied_example()
    one, other = CUTOFFS[0], CUTOFFS[1] - 1
    found = ours(features)[:, one] - ours(features)[:, other]
    score = features @ (ours.embedding[one] - ours.embedding[other])
    torch.testing.assert_close(found, score + ours.bias[one] - ours.bias[other])


def test_the_ids_of_a_tied_cluster_have_together_what_its_own_row_says():
    ours, features, _ = tied_example()
    common = CUTOFFS[0]
    rows = torch.cat((ours.embedding[:common], ours.entries))
    bias = torch.cat((ours.bias[:common], ours.bias[VOCABULARY:]))
    head = torch.softmax(features @ rows.T + bias, 1)
    found = ours(features).exp()
    for number, (low, high) in enumerate(zip(CUTOFFS, [*CUTOFFS[1:], VOCABULARY], strict=True)):
        torch.testing.assert_close(found[:, low:high].sum(1), head[:, common + number])


def test_the_loss_leaves_the_targets_as_they_are():
    ours, features, targets = example()
    before = targets.clone()
    ours.loss(features, targets, torch.float32)
    assert torch.equal(targets, before)


def test_a_cluster_is_at_least_one_unit_wide():
    found = AdaptiveSoftmax(7, 23, [3, 11, 17])(torch.randn(2, 7))
    torch.testing.assert_close(found.exp().sum(1), torch.ones(2))
    # Of no width it would be one distribution for all features.
    one, other = torch.log_softmax(found[:, 17:], 1)
    assert not torch.allclose(one, other)


def test_a_batch_without_rare_words_asks_no_cluster():
    ours, features, targets = example()
    ours.loss(features, targets % CUTOFFS[0], torch.float32).backward()
    assert all(p.grad is None or not p.grad.any() for p in ours.clusters.parameters())


@pytest.mark.parametrize("cutoffs", [[0, 5], [7, 7], [5, 300], [211]])
def test_cutoffs_that_do_not_rise_within_the_vocabulary_are_refused(cutoffs):
    with pytest.raises(ValueError, match="must rise"):
        AdaptiveSoftmax(WIDTH, VOCABULARY, cutoffs)
    with pytest.raises(ValueError, match="must rise"):
        TiedAdaptiveSoftmax(torch.nn.Parameter(torch.zeros(VOCABULARY, WIDTH)), cutoffs)
