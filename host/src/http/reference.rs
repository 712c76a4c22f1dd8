//! The document of the API as a page of the repository, docs/reference/http.md.

use std::fmt::{self, Write as _};

use super::described::{Operation, Shape, operations, shapes, tags};
use super::document::document;

/// The page.
#[must_use]
pub fn reference() -> String {
    let mut page = String::new();
    write(&mut page).expect("a string takes everything");
    page
}

fn write(page: &mut String) -> fmt::Result {
    let document = document();
    writeln!(page, "# HTTP\n")?;
    writeln!(
        page,
        "Made from `host/schema/openapi.json`, which is made from the code: change neither by hand. The daemon serves the same at \
         `/api/openapi.json`, and for people at `/api`.\n"
    )?;
    writeln!(page, "{}", document["info"]["description"].as_str().unwrap_or_default())?;
    for (tag, means) in tags(document) {
        let mut letters = tag.chars();
        let title: String =
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        writeln!(page, "\n## {title}\n\n{means}")?;
        match tag {
            "pages" => pages(page, operations(document, tag))?,
            _ => operations(document, tag).try_for_each(|own| operation(page, &own))?,
        }
    }
    writeln!(page, "\n## Shapes")?;
    shapes(document).try_for_each(|own| shape(page, &own))
}

fn pages<'a>(page: &mut String, mut pages: impl Iterator<Item = Operation<'a>>) -> fmt::Result {
    writeln!(page, "\n| page | |\n| --- | --- |")?;
    pages.try_for_each(|own| writeln!(page, "| `{}` | {} |", own.path, own.does()))
}

fn operation(page: &mut String, own: &Operation<'_>) -> fmt::Result {
    writeln!(page, "\n### {} {}\n\n{}\n", own.method, own.path, own.does())?;
    writeln!(page, "```sh\n{}\n```", own.curl("http://127.0.0.1:3070"))?;
    let asked = own.asked();
    if !asked.is_empty() {
        writeln!(page, "\n| parameter | in | value | |\n| --- | --- | --- | --- |")?;
    }
    for own in asked {
        let needed = if own.is_needed { ", needed" } else { "" };
        writeln!(
            page,
            "| `{}` | {}{needed} | {} | {} |",
            own.name,
            own.place,
            cell(&own.values),
            cell(own.means)
        )?;
    }
    writeln!(page, "\n| status | when | shape |\n| --- | --- | --- |")?;
    own.answered()
        .iter()
        .try_for_each(|own| writeln!(page, "| {} | {} | {} |", own.status, cell(own.when), cell(&own.shape)))
}

fn shape(page: &mut String, own: &Shape<'_>) -> fmt::Result {
    writeln!(page, "\n### {}\n", own.name)?;
    let kind = if own.kind.is_empty() { String::new() } else { format!(" Values: {}.", own.kind) };
    writeln!(page, "{}", format!("{}{kind}", own.means).trim())?;
    if own.members.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n| member | value | |\n| --- | --- | --- |")?;
    own.members.iter().try_for_each(|own| {
        let often = if own.is_always_there { "" } else { " (not always)" };
        writeln!(page, "| `{}`{often} | {} | {} |", own.name, cell(&own.kind), cell(own.means))
    })
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
