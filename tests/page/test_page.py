"""The page in a browser: every form, by mouse and by keyboard, on wide and narrow screens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from repertoire.runtime.tasks import TASKS
from tests.page.conftest import NARROW, WIDE, Opened, picture

# What an answer of each task is seen by.
SEEN = {
    "bigram/score": ".answer .token",
    "bigram/generate": ".answer .token",
    "bigram/complete": ".answer table",
    "bigram/rescore": ".answer table",
    "mirror/translate": ".answer .headline",
    "counter/caption": ".answer figure img",
    "negative/reconstruct": ".answer figure img",
    "negative/sample": ".answer .gallery img",
    "tinted/interpolate": ".answer .gallery img",
    "tinted/blend": ".answer figure img",
    "carillon/compose": ".answer svg.roll",
    "course/forecast": ".answer .band",
    "pair/forecast": ".answer .chart >> nth=1",
    "bag/classify": ".answer .bars",
    "shades/detect": ".answer .flag",
    "tables/detect": ".answer .flag",
    "both_ways/translate_image": ".answer figure img",
    "films/recommend": ".answer table",
    "sentences/nearest_sentences": ".answer table",
    "sentences/rewrite": ".answer .headline",
    "dark/stylize": ".answer figure img",
    "staircase/continue": ".answer .chart",
    "staircase/likelihood": ".answer .values",
    "words/nearest": ".answer table",
    "words/similarity": ".answer .values",
    "words/analogy": ".answer table",
    "pen/write": ".answer svg.paper",
}


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()
    told = page.locator(".said, .error").filter(has_text=re.compile("."))
    expect(told.filter(has_not_text=re.compile("^[0-9]+ of "))).to_have_text(
        re.compile("^Answered in ")
    )


def test_the_forms_that_are_tried_are_those_of_every_task() -> None:
    assert {each.partition("/")[2] for each in SEEN} == set(TASKS)


@pytest.mark.parametrize("place", SEEN)
def test_the_example_in_a_form_is_answered(visit: Opened, place: str) -> None:
    page = visit(f"/#/{place}")
    run(page)
    expect(page.locator(SEEN[place]).first).to_be_visible()


def test_a_model_is_chosen_and_tried_by_keyboard_alone(visit: Opened) -> None:
    page = visit()
    page.locator("#filter").focus()
    page.keyboard.type("bag")
    links = page.locator("#list li:visible a")
    expect(links).to_have_count(1)
    page.keyboard.press("Tab")
    expect(links).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_be_focused()
    expect(page.locator("#name")).to_have_text("bag")
    box = page.get_by_label("Text", exact=True)
    for _ in range(5):
        page.keyboard.press("Tab")
        if box.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("a b unheard")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".notice")).to_have_text("1 of 3 tokens is not in the vocabulary.")


def test_the_verdict_and_the_card_stand_beside_the_form(visit: Opened) -> None:
    page = visit("/?report=https://reports.example/r#/bag")
    expect(page.locator(".verdict")).to_have_text(
        "Better than luck: accuracy 71.00 against 53.00 %."
    )
    page.get_by_text("About this model").click()
    row = page.locator(".card tbody tr")
    expect(row).to_have_text(re.compile("Accuracy.*71.*Luck.*53"))
    link = page.locator(".card").get_by_role("link")
    assert link.get_attribute("href") == "https://reports.example/r/classifier.html#model-bag"


def test_a_report_elsewhere_than_on_the_web_is_not_linked(visit: Opened) -> None:
    page = visit("/?report=javascript:alert(1)#/bag")
    expect(page.locator(".card").get_by_role("link", include_hidden=True)).to_have_count(0)


def test_the_address_keeps_the_form_and_the_back_button_works(visit: Opened) -> None:
    page = visit("/#/bigram/generate")
    page.get_by_label("Prompt").fill("b c")
    page.get_by_label("Top k").fill("3")
    expect(page).to_have_url(re.compile(r"#/bigram/generate\?prompt=b\+c&top_k=3$"))
    page.get_by_role("link", name="Complete").click()
    expect(page).to_have_url(re.compile("#/bigram/complete$"))
    expect(page.locator(".use")).to_have_text("The likeliest ways on from a text.")
    page.go_back()
    expect(page.get_by_label("Prompt")).to_have_value("b c")
    expect(page.get_by_label("Top k")).to_have_value("3")
    page.reload()
    expect(page.get_by_label("Prompt")).to_have_value("b c")


def test_what_the_server_lacks_is_named(visit: Opened) -> None:
    page = visit("/#/nobody")
    expect(page.locator(".use")).to_have_text("There is no model “nobody”.")
    page.goto(page.url.replace("nobody", "bag/sing"))
    expect(page.locator(".use")).to_have_text("bag has no task “sing”.")


def test_a_text_that_is_called_a_picture_is_refused_and_the_example_stays(
    visit: Opened, tmp_path: Path
) -> None:
    file = tmp_path / "notes.png"
    file.write_text("no pixels here")
    page = visit("/#/negative/reconstruct")
    page.locator(".field input[type=file]").first.set_input_files(file)
    expect(page.locator(".drop [role=alert]")).to_have_text(
        "notes.png is not a picture that this browser can read; "
        "choose a PNG, JPEG, WebP or GIF file."
    )
    expect(page.locator(".tiles img")).to_have_attribute("alt", "the example")
    run(page)


def test_a_large_picture_is_made_small_before_it_is_sent(visit: Opened, tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    file.write_bytes(picture(500, 1100))
    page = visit("/#/counter/caption")
    page.locator(".field input[type=file]").first.set_input_files(file)
    tile = page.locator(".tiles img")
    expect(tile).to_have_attribute("alt", "wide.png")
    # Twice the sides of 3 x 5 that the graph takes, as far as the form of the picture lets them.
    assert tile.evaluate("node => [node.naturalWidth, node.naturalHeight]") == [13, 6]
    run(page)


def test_several_pictures_are_answered_each_beside_its_own(visit: Opened, tmp_path: Path) -> None:
    files = [tmp_path / "one.png", tmp_path / "two.png"]
    for file in files:
        file.write_bytes(picture(5, 7))
    page = visit("/#/negative/reconstruct")
    page.locator(".field input[type=file]").first.set_input_files(files)
    expect(page.locator(".tiles img")).to_have_count(2)
    run(page)
    sent = page.locator(".answer article img[alt^=Sent]")
    assert [each.get_attribute("alt") for each in sent.all()] == ["Sent: one.png", "Sent: two.png"]


def test_a_drawing_by_keyboard_takes_the_place_of_the_example(visit: Opened) -> None:
    page = visit("/#/negative/reconstruct")
    page.get_by_role("button", name="Draw").click()
    expect(page.locator("canvas")).to_be_focused()
    for key in ("Space", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".tiles img")).to_have_attribute("alt", "a drawing")
    run(page)


def test_a_number_out_of_bounds_is_told_in_a_sentence_and_the_focus_stays(visit: Opened) -> None:
    page = visit("/#/bigram/generate")
    box = page.get_by_label("Max tokens")
    box.fill("5000")
    box.press("Enter")
    alert = page.locator(".actions [role=alert]")
    expect(alert).to_have_text("Max tokens is to be a whole number from 1 to 4096.")
    expect(box).to_be_focused()


def test_json_that_is_none_is_told_while_it_is_written(visit: Opened) -> None:
    page = visit("/#/bigram/rescore")
    box = page.get_by_label("Candidates")
    box.fill('["a",')
    expect(page.locator(".fault")).to_have_text(re.compile("^Candidates is not valid JSON"))
    assert box.get_attribute("aria-invalid") == "true"
    box.fill('["a", "b"]')
    expect(page.locator(".fault")).to_have_text("")


def test_a_long_answer_can_be_stopped(visit: Opened) -> None:
    page = visit("/#/slow/generate?max_tokens=4096&stop_at_end=false")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".token").nth(7)).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".said")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.get_by_label("Max tokens").fill("3")
    run(page)


def test_music_plays_until_it_is_stopped(visit: Opened) -> None:
    page = visit("/#/carillon/compose")
    run(page)
    page.get_by_role("button", name="Play").click()
    page.locator(".music").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_an_answer_is_saved_as_a_file(visit: Opened) -> None:
    page = visit("/#/pen/write")
    run(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as SVG").click()
    assert download.value.suggested_filename == "pen-write.svg"
    assert Path(download.value.path()).read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("place", ["", "/bigram/generate", "/pair/forecast", "/tables/detect"])
def test_a_telephone_shows_the_form_at_once_and_nothing_beside_the_screen(
    visit: Opened, place: str
) -> None:
    page = visit(f"/#{place}", NARROW)
    if place:
        run(page)
        assert page.locator("form").bounding_box()["y"] < NARROW["height"]
        page.locator(".card summary, .raw summary").first.click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= NARROW["width"]
    page.get_by_role("button", name=re.compile("^Models")).click()
    page.locator("#list").get_by_role("link", name="films").click()
    expect(page.locator("#name")).to_have_text("films")
    expect(page.locator("#filter")).to_be_hidden()


# The lowest contrast of text with what is behind it, and the text.
CONTRAST = """() => {
  const levels = (colour) => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const behind = (node) => {
    if (!node) return levels("Canvas").slice(0, 3);
    const [r, g, b, alpha] = levels(getComputedStyle(node).backgroundColor);
    if (alpha === 255) return [r, g, b];
    const below = behind(node.parentElement);
    return [r, g, b].map((each, n) => each * alpha / 255 + below[n] * (1 - alpha / 255));
  };
  const light = (colour) => colour.slice(0, 3).map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0);
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].filter((each) => each.nodeType === 3 && each.data.trim());
    const shown = node.checkVisibility({opacityProperty: true, visibilityProperty: true});
    if (!own.length || !shown || node.closest("svg, noscript, .unseen")) continue;
    const [a, b] = [light(levels(getComputedStyle(node).color)), light(behind(node))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), own[0].data.trim()]);
  }
  return found.sort(([a], [b]) => a - b)[0];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(visit: Opened, scheme: str) -> None:
    for place in ("/", "/#/bag", "/#/bigram/generate", "/docs"):
        page = visit(place, WIDE, color_scheme=scheme)
        if "#" in place:
            run(page)
            page.locator(".card summary").click()
        contrast, text = page.evaluate(CONTRAST)
        assert contrast >= 4.5, text


def test_all_that_is_filled_has_a_label_and_every_picture_an_alternative(visit: Opened) -> None:
    for place in ("bigram/generate", "tinted/blend", "shades/detect", "staircase/continue"):
        page = visit(f"/#/{place}")
        run(page)
        bare = page.evaluate(
            """() => [...document.querySelectorAll("input, select, textarea")]
            .filter((each) => !each.labels?.length && !each.ariaLabel).map((each) => each.id)"""
        )
        assert bare == []
        assert page.locator("img:not([alt]), img[alt='']").count() == 0
        described = "() => [...document.querySelectorAll('[aria-describedby]')].flatMap((each) =>"
        described += " each.getAttribute('aria-describedby').split(' '))"
        described += ".filter((id) => !document.getElementById(id))"
        assert page.evaluate(described) == []


def test_nothing_of_the_page_comes_from_elsewhere_and_no_script_stands_in_it(
    visit: Opened, url: str
) -> None:
    page = visit("/")
    names = page.evaluate("() => performance.getEntriesByType('resource').map((e) => e.name)")
    assert names and all(name.startswith(url) for name in names)
    policy = page.request.get(f"{url}/").headers["content-security-policy"]
    assert "unsafe" not in policy and policy.startswith("default-src 'none'; script-src 'self'; ")


def test_the_endpoints_are_listed_with_what_they_take(visit: Opened, url: str) -> None:
    page = visit("/docs")
    entry = page.locator("section.endpoint").filter(has_text="/v1/models/{name}/generate").last
    expect(entry.get_by_role("row").filter(has_text="temperature")).to_contain_text(
        "number, 0 to 100"
    )
    expect(entry.locator("pre")).to_contain_text(f"curl -s -X POST {url}/v1/models/")
    page.set_viewport_size(NARROW)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= NARROW["width"]
