"""Attention by hand on the built page, moved as a reader moves it, against torch in float64."""

import math
import re

import pytest
import torch
import torch.nn.functional as F
from bench import WITH_MODEL, Bench, mutated
from playwright.sync_api import Locator, expect

from conv2attn.widgets import AttentionByHand
from conv2attn.widgets.attention_by_hand import POINTS, hull

CHAPTER = "chapters/05-query-key-value.html"
TOLERANCE = 1e-10
EDGE = 3.2


class Hand(Bench):
    """AttentionByHand on an open page, and how far what it shows is from torch."""

    def widget(self) -> AttentionByHand:
        """The Python class in the state that is shown."""
        shown = self.shown()
        options = {"key_length": shown["length"], **{name: shown[name] for name in ("shear", "mask", "row", "point")}}
        return AttentionByHand(shown["query"], shown["key"], shown["V"], shown["scaled"], **options)

    def reads(self, name: str) -> list[float]:
        """Every number of a text in the page; the bound where it says "< 0.001" or "> 0.999"."""
        text = self.island.locator(f'[data-of="{name}"]').text_content().replace("−", "-").replace("∞", "inf")
        return [float(number) for number in re.findall(r"-?(?:\d+(?:\.\d+)?|inf)", text)]

    def errors(self) -> dict[str, float]:
        """Distance from torch of everything computed, and from what is computed of everything that can be read."""
        shown, widget = self.shown(), self.widget()
        keep, scale = torch.tensor(widget.mask), None if widget.scaled else 1.0
        A = F.scaled_dot_product_attention(widget.Q, widget.K, torch.eye(4, dtype=torch.float64), keep, scale=scale)
        output = F.scaled_dot_product_attention(widget.Q, widget.K, widget.V, keep, scale=scale)
        logits = widget.scores / (math.sqrt(2) if widget.scaled else 1)
        lengths, row = widget.K.norm(dim=1), widget.row
        cosines = widget.scores[row] / (lengths * widget.Q[row].norm())
        corners = hull([point for point, read in zip(widget.value, widget.mask) if read])

        def off(name: str, expected: torch.Tensor) -> float:
            return (torch.tensor(shown[name], dtype=torch.float64) - expected).abs().max().item()

        def misread(name: str, expected: torch.Tensor, digits: int) -> float:
            """How far the numbers of a text are from these, beside their rounding; infinite if there are not as many."""
            numbers = self.reads(name)
            if len(numbers) != expected.numel():
                return math.inf
            rounding = 0.5001 * 10**-digits
            pairs = zip(numbers, expected.flatten().tolist())
            return max(max(0.0, abs(a - b) - rounding) for a, b in pairs if not math.isinf(a) or not math.isinf(b))

        def weight_misread(name: str, weight: float) -> float:
            text = self.island.locator(f'[data-of="{name}"]').text_content()
            if weight in (0, 1):
                return float(text != str(int(weight)))
            if weight < 0.0005 or weight >= 0.9995:
                return float(text != ("< 0.001" if weight < 0.5 else "> 0.999"))
            return misread(name, torch.tensor([weight]), 3)

        errors = {
            "Q": off("Q", widget.Q),
            "K": off("K", widget.K),
            "scores": off("scores", widget.scores),
            "logits": off("logits", logits),
            "A": off("A", A),
            "y": off("y", output),
            "hull": off("hull", torch.tensor(corners, dtype=torch.float64)) if len(shown["hull"]) == len(corners) else math.inf,
            "lengths": off("lengths", lengths),
            "cosines": off("cosines", cosines),
            "tips": max((math.dist(self.tip(name), self.drawn_at(name)) for name in (*POINTS, "y1", "y2")), default=0) // 0.02,
        }
        if not all(widget.mask):
            logits = logits.masked_fill(~keep, -math.inf)
        for q in range(4):
            errors[f"length {q}, as read"] = misread(f"length{q}", lengths[q], 2)
            errors[f"cos {q}, as read"] = misread(f"cos{q}", cosines[q], 2)
            errors[f"score {q}, as read"] = misread(f"score{q}", widget.scores[row, q], 2)
            errors[f"logit {q}, as read"] = 0.0 if self.reads(f"logit{q}") == [-math.inf] and not keep[q] else misread(f"logit{q}", logits[row, q], 2)
            errors[f"weight {q}, as read"] = weight_misread(f"weight{q}", A[row, q].item())
            for p in range(2):
                errors[f"A {p} {q}, as read"] = weight_misread(f"A{p}{q}", A[p, q].item())
        for p in range(2):
            errors[f"y {p}, as read"] = misread(f"y{p}", output[p], 2)
        return errors

    def agrees(self) -> None:
        errors = self.errors()
        assert max(errors.values()) < TOLERANCE, errors

    def handle(self, name: str) -> Locator:
        return self.island.locator(f'[data-point="{name}"]')

    def drawn_at(self, name: str) -> list[float]:
        """Where a point is, in the plane; at its edge if it is beyond it."""
        shown = self.shown()
        return [max(-EDGE, min(EDGE, axis)) for axis in shown[name[0]][int(name[1]) - 1]]

    def tip(self, name: str) -> list[float]:
        """Where the middle of its bead is seen, in the plane."""
        return self.handle(name).locator("b").evaluate(
            """(bead, edge) => {
              const [box, plane] = [bead, bead.closest('[data-plane]')].map((el) => el.getBoundingClientRect());
              const at = [box.left + box.width / 2 - plane.left, box.top + box.height / 2 - plane.top];
              return [(2 * at[0] / plane.width - 1) * edge, (1 - 2 * at[1] / plane.height) * edge];
            }""",
            EDGE,
        )

    def on_screen(self, name: str, at: list[float]) -> tuple[float, float]:
        """Where a place in the plane of a point lies in the window."""
        box = self.handle(name).locator("..").bounding_box()
        return box["x"] + box["width"] * (1 + at[0] / EDGE) / 2, box["y"] + box["height"] * (1 - at[1] / EDGE) / 2

    def drag(self, name: str, to: list[float]) -> None:
        """By the mouse, in five steps."""
        self.page.mouse.move(*self.on_screen(name, self.drawn_at(name)))
        self.page.mouse.down()
        self.do(lambda: self.page.mouse.move(*self.on_screen(name, to), steps=5))
        self.page.mouse.up()
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def hand(visit) -> Hand:
    hand = Hand(visit(CHAPTER), "attention_by_hand")
    hand.island.evaluate("(island) => window.scrollBy(0, island.getBoundingClientRect().top - 60)")
    return hand


def test_numbers_are_torchs_at_first_sight(hand: Hand) -> None:
    hand.agrees()
    assert max(error for name, error in hand.errors().items() if "read" not in name) < 1e-12


def test_every_point_is_dragged(hand: Hand) -> None:
    places = [[2.5, -1], [-2, -2], [0.5, 2.75], [-1.5, 2], [2, 2], [-2.85, 0.3], [-2.5, 2.5], [0.25, 0.5], [2.8, 0], [1, -2.9]]
    for name, to in zip(POINTS, places):
        hand.drag(name, to)
        shown = hand.shown()
        assert shown["point"] == name and hand.drawn_at(name) == pytest.approx(to, abs=0.06)
        assert name[0] != "Q" or shown["row"] == int(name[1]) - 1
        hand.agrees()


def test_a_press_moves_nothing_and_chooses_the_nearest(hand: Hand) -> None:
    before = hand.shown()
    x, y = hand.on_screen("V2", hand.drawn_at("V2"))
    hand.page.mouse.move(x + 9, y - 7)
    shown = hand.do(hand.page.mouse.down)
    hand.page.mouse.up()
    assert shown["point"] == "V2" and shown["V"] == before["V"]
    # Two points in one place: the one that was chosen last is taken.
    hand.drag("K4", hand.drawn_at("K2"))
    hand.do(lambda: hand.choose("move").select_option("K2"))
    hand.drag("K2", [-2, 2])
    assert hand.drawn_at("K2") == pytest.approx([-2, 2], abs=0.06) and hand.shown()["point"] == "K2"


def test_a_point_stays_in_the_plane(hand: Hand) -> None:
    hand.drag("K1", [9, 0.5])
    assert hand.drawn_at("K1") == pytest.approx([3, 0.5], abs=0.06)
    hand.agrees()


def test_every_point_is_moved_by_keys(hand: Hand) -> None:
    for name in POINTS:
        if hand.shown()["point"] != name:
            hand.do(lambda name=name: hand.choose("move").select_option(name))
        x, y = hand.drawn_at(name)
        for label, key in (("first coordinate", "ArrowRight"), ("second coordinate", "ArrowDown")):
            hand.control(label).focus()
            hand.do(lambda key=key: hand.page.keyboard.press(key))
        assert hand.drawn_at(name) == pytest.approx([x + 0.05, y - 0.05])
        hand.agrees()


@pytest.mark.parametrize("row", ["Q1", "Q2"])
def test_scale_length_shear_and_mask(hand: Hand, row: str) -> None:
    if row == "Q2":
        hand.do(lambda: hand.control("table of Q2").check())
    before = hand.shown()
    shown = hand.do(lambda: hand.control("divide by √Dh = √2").uncheck())
    assert max(map(max, shown["A"])) > max(map(max, before["A"]))  # sharper
    hand.agrees()
    for length in (0.1, 3):
        hand.slide("length of the keys", length)
        hand.agrees()
    hand.slide("length of the keys", 1)
    for shear in (-1, 0.85):
        sheared = hand.slide("same scores, other Q, K", shear)
        assert sheared["A"] == [pytest.approx(weights) for weights in shown["A"]] and sheared["K"] != shown["K"]
        hand.agrees()
    hand.drag("Q1", [1, 2])  # the sheared arrow goes where the pointer goes
    assert hand.drawn_at("Q1") == pytest.approx([1, 2], abs=0.06)
    hand.drag("K3", [-0.5, -1])
    assert hand.drawn_at("K3") == pytest.approx([-0.5, -1], abs=0.06)
    hand.agrees()
    for q in (1, 3, 2):
        assert hand.control(f"read K{q}").is_enabled()
        shown = hand.do(lambda q=q: hand.control(f"read K{q}").uncheck())
        assert [weights[q - 1] for weights in shown["A"]] == [0, 0]
        hand.agrees()
    assert hand.control("read K4").is_disabled()
    assert shown["y"] == [pytest.approx(shown["V"][3])] * 2


def test_a_longer_key_wins_and_the_summary_says_so(hand: Hand) -> None:
    summary = hand.island.locator("[aria-live=polite]")
    expect(summary).to_contain_text("By angle alone K₁ is the most similar.")
    x, y = hand.drawn_at("K2")
    hand.drag("K2", [1.8 * x, 1.8 * y])
    expect(summary).to_contain_text("from K₂, the most")
    expect(summary).to_contain_text("By angle alone K₁ is the most similar; K₂ is longer.")
    assert "K₂ (0.3" in hand.island.locator("[data-plane=scores]").get_attribute("aria-label")


def test_a_query_of_length_zero_reads_all_alike(hand: Hand) -> None:
    hand.drag("Q1", [0, 0])
    expect(hand.island.locator("[aria-live=polite]")).to_have_text("Q₁ reads 0.250 from every key that it may read.")
    expect(hand.island.locator('[data-of="cos0"]')).to_have_text("–")


def test_beads_have_the_colours_of_their_weights(hand: Hand) -> None:
    def ground(selector: str) -> str:
        return hand.island.locator(selector).evaluate("(el) => getComputedStyle(el).backgroundColor")

    cells = [ground(f".c2a-weights td:has([data-of=A0{q}])") for q in range(4)]
    assert len(set(cells)) == 4
    for q in range(4):
        assert ground(f"[data-point=K{q + 1}] b") == ground(f"[data-point=V{q + 1}] b") == cells[q]


def test_from_input_to_picture_is_under_a_frame(hand: Hand) -> None:
    assert hand.drawing_time("first coordinate", (-1, -0.5, 0, 0.5, 1)) < 16


def test_a_finger_moves_a_point_and_scrolls_elsewhere(visit) -> None:
    hand = Hand(visit(CHAPTER, width=390), "attention_by_hand")
    hand.island.evaluate("(island) => window.scrollBy(0, island.getBoundingClientRect().top - 60)")
    page = hand.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def swipe(x: float, y: float) -> float:
        """How far the page scrolls when a finger moves up by 90 pixels from there."""
        before = page.evaluate("window.scrollY")
        devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for up in range(10, 100, 10):
            devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - up}]})
            page.wait_for_timeout(20)
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(100)
        return page.evaluate("window.scrollY") - before

    box = hand.island.locator("[data-plane=scores]").bounding_box()
    unit = box["width"] / (2 * EDGE)
    for name in ("K4", "K3", "Q1"):
        x, y = hand.drawn_at(name)
        assert swipe(*hand.on_screen(name, [x, y])) == 0
        assert hand.drawn_at(name) == pytest.approx([x, min(3, y + 90 / unit)], abs=0.1)
        hand.agrees()
    before = hand.shown()
    assert swipe(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"]) > 30
    assert hand.shown() == before


def test_what_the_front_end_sends_is_what_python_takes(visit) -> None:
    page = visit(CHAPTER)
    page.evaluate(WITH_MODEL, ["attention_by_hand", AttentionByHand(key_length=2.0, shear=0.5).state()])
    page.locator("[name=point]").first.select_option("V3")
    page.locator("[name=read1]").first.uncheck()
    page.locator("[name=longer]").first.fill("0.3")
    saved = page.evaluate("saved")
    assert saved[0]["point"] == "V3" and saved[1]["mask"] == [True, False, True, True] and saved[2]["key_length"] == 0.3
    widget = AttentionByHand()
    widget.set_state(saved[2])
    assert widget.state() == saved[2]


@pytest.mark.parametrize(
    ("before", "after", "red"),
    [
        ("a[0] * b[0] + a[1] * b[1]", "a[0] * b[0] + 1.0001 * a[1] * b[1]", "scores"),
        ("Math.sqrt(DIMENSION)", "DIMENSION", "logits"),
        ("scaled ? Math.sqrt", "!scaled ? Math.sqrt", "logits"),
        ("power / sum)", "power / (1.0001 * sum))", "A"),
        ("mask[q] ? Math.exp(score - most) : 0", "Math.exp(score - most)", "A"),
        ("sum + weight * V[q][axis]", "sum + weight * V[q][1 - axis]", "y"),
        ("[x, y + shear * x]", "[x, y - shear * x]", "Q"),
        ("length * (x - shear * y), length * y", "length * (x - shear * y), y", "K"),
        ("hull(V.filter((_, q) => mask[q]))", "hull(V)", "hull"),
        ("cosine(Q[row], at)", "cosine(Q[0], at)", "cosines"),
        ("K.map((at) => Math.hypot(...at))", "key.map((at) => Math.hypot(...at))", "lengths"),
        ("50 - (50 * y) / EDGE", "50 + (50 * y) / EDGE", "tips"),
        ("fixed(scores[row][q])", "fixed(scores[0][q])", "score 3, as read"),
        ("fixed(logits[row][q])", "fixed(scores[row][q])", "logit 3, as read"),
        ("share(A[row][q]))", "share(A[0][q]))", "weight 3, as read"),
        ("say(`A${p}${q}`, share(weight))", "say(`A${p}${q}`, share(A[0][q]))", "A 1 3, as read"),
        ("place(y[p])", "place(y[1 - p])", "y 0, as read"),
    ],
)
def test_a_wrong_module_is_found_out(visit, before: str, after: str, red: str) -> None:
    hand = Hand(visit(CHAPTER, before=mutated(before, after)), "attention_by_hand")
    hand.do(lambda: hand.control("table of Q2").check())
    hand.do(lambda: hand.control("read K1").uncheck())
    hand.slide("length of the keys", 1.5)
    hand.slide("same scores, other Q, K", 0.5)
    errors = hand.errors()
    assert errors[red] > TOLERANCE, errors
