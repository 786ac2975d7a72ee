"""Where the repository is known, pages lead to it; where not, none pretends to."""

import shutil

import nbformat
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.site.building import ROOT, build
from tools.site.hosting import addresses, launch_buttons
from tools.source_address import source_address

CHAPTER = "chapters/05_worked_example"
PLATE = "```{image} assets/plates/05_worked_example.png\n:alt: Three curves.\n```"
OWNER = "Some-Owner/why-softmax"
HOME = "https://some-owner.github.io/why-softmax/"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Build two small pages as the workflow of a repository on GitHub builds all.

    The buttons and addresses follow from the book's settings, not from its text.
    """
    folder = tmp_path_factory.mktemp("published")
    shutil.copy(ROOT / "_config.yml", folder)
    shutil.copy(ROOT / "references.bib", folder)
    shutil.copytree(ROOT / "assets", folder / "assets")
    (folder / "_toc.yml").write_text(
        f"format: jb-book\nroot: intro\nchapters:\n- file: {CHAPTER}\n"
    )
    (folder / "intro.md").write_text(f"# A book\n\nIt begins here.\n\n{PLATE}\n")
    (folder / CHAPTER).parent.mkdir()
    nbformat.write(
        nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_markdown_cell("# A chapter\n\nIt has a cell."),
                nbformat.v4.new_code_cell("1 + 1"),
            ],
            metadata={
                "kernelspec": {"name": "python3", "display_name": "Python 3"},
                "language_info": {"name": "python"},
            },
        ),
        folder / f"{CHAPTER}.ipynb",
    )
    build(folder, folder, GITHUB_REPOSITORY=OWNER)
    return folder / "_build" / "html"


def read(site, name):
    return BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser")


def links(page):
    return {link["href"] for link in page.select(".article-header-buttons a[href]")}


def test_addresses_follow_from_the_name():
    assert addresses(OWNER) == {
        "repository": "https://github.com/Some-Owner/why-softmax",
        "site": HOME,
        "prefix": "/why-softmax/",
    }


@pytest.mark.parametrize("name", ["", "name", "a/b/c", "a/b c", "https://x/y"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(ValueError, match="must be owner/name"):
        addresses(name)


def test_a_chapter_can_be_launched_and_edited(published):
    path = f"{OWNER}/blob/main/{CHAPTER}.ipynb"
    found = links(read(published, f"{CHAPTER}.html"))
    colab = f"https://colab.research.google.com/github/{path}"
    assert (colab in found) == (source_address() is not None)
    assert any(link.startswith(f"https://mybinder.org/v2/gh/{OWNER}") for link in found)
    assert f"https://github.com/{OWNER}/edit/main/{CHAPTER}.ipynb" in found
    assert f"https://github.com/{OWNER}" in found


def test_colab_is_offered_only_where_it_can_install_the_library():
    without, with_source = map(launch_buttons, (None, "https://example.org/book"))
    assert "colab" not in str(without)
    assert "colab" in with_source.pop("colab_url")
    assert without == with_source


def test_pages_know_their_address(published):
    page = read(published, f"{CHAPTER}.html")
    address = page.find("meta", attrs={"property": "og:url"})["content"]
    assert address == page.find("link", rel="canonical")["href"]
    assert address == f"{HOME}{CHAPTER}.html"


def shared(page):
    """Give what a page says of the picture that stands for it."""
    tags = page.select('meta[property^="og:image"], meta[name="twitter:card"]')
    found = {tag.get("property") or tag["name"]: tag["content"] for tag in tags}
    assert len(found) == len(tags)
    return found


def test_a_shared_chapter_shows_its_plate(published):
    said = shared(read(published, f"{CHAPTER}.html"))
    picture = said["og:image"]
    assert picture == f"{HOME}_static/plates/05_worked_example.png"
    with Image.open(published / picture.removeprefix(HOME)) as plate:
        assert plate.size == (
            int(said["og:image:width"]),
            int(said["og:image:height"]),
        )
    assert said["og:image:alt"] == "Three curves."
    assert said["twitter:card"] == "summary_large_image"


def test_another_shared_page_shows_a_picture_that_is_there(published):
    said = shared(read(published, "intro.html"))
    assert said["og:image"] == f"{HOME}_static/fading.png"
    assert (published / said["og:image"].removeprefix(HOME)).is_file()
    assert said["og:image:alt"].endswith(".")


def test_there_is_a_sitemap_of_the_pages_to_be_found(published):
    sitemap = (published / "sitemap.xml").read_text(encoding="utf-8")
    assert f"<loc>{HOME}{CHAPTER}.html</loc>" in sitemap
    assert "404.html" not in sitemap
    assert "search.html" not in sitemap


def test_the_404_page_works_from_any_folder(published):
    page = read(published, "404.html")
    paths = [link["href"] for link in page.select("link[rel=stylesheet], nav a[href]")]
    assert paths
    assert all(path.startswith(("/why-softmax/", "#")) for path in paths)


def test_without_a_repository_nothing_points_to_one(site, pages):
    if (site / "sitemap.xml").exists():
        pytest.skip("this site was built for a repository")
    for name, page in pages.items():
        assert not [link for link in links(page) if "://" in link], name
        assert not page.find("meta", attrs={"property": "og:url"}), name
        assert not page.find("link", rel="canonical"), name
        assert not shared(page), name
