//! The bounds of a tool list that comes in pages. rmcp's own loop has none, and a server that repeats
//! its cursor would be asked for ever.

use std::collections::HashSet;

/// The most pages.
const MOST_PAGES: usize = 32;
/// The most tools on all pages together.
const MOST_TOOLS: usize = 1000;

/// How far a list has been read.
#[derive(Default)]
pub(super) struct Pages {
    read: usize,
    tools: usize,
    cursors: HashSet<String>,
}

impl Pages {
    /// Counts a page of `tools` tools that ends with `cursor`, and returns the cursor of the next page if
    /// there is one. The error says what is wrong with the list.
    pub(super) fn turn(&mut self, tools: usize, cursor: Option<String>) -> Result<Option<String>, String> {
        self.read += 1;
        self.tools += tools;
        if self.tools > MOST_TOOLS {
            return Err(format!("more than {MOST_TOOLS} tools"));
        }
        let Some(cursor) = cursor else { return Ok(None) };
        if cursor.is_empty() {
            return Err(format!("page {} ends with an empty cursor", self.read));
        }
        if !self.cursors.insert(cursor.clone()) {
            return Err(format!("page {} repeats a cursor", self.read));
        }
        if self.read == MOST_PAGES {
            return Err(format!("more than {MOST_PAGES} pages"));
        }
        Ok(Some(cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pages: &[(usize, Option<&str>)], expected: Result<Option<&str>, &str>) {
        let mut reading = Pages::default();
        let mut last = Ok(None);
        for (tools, cursor) in pages {
            last = reading.turn(*tools, cursor.map(str::to_owned));
        }
        assert_eq!(last.as_ref().map(Option::as_deref).map_err(String::as_str), expected, "{pages:?}");
    }

    #[test]
    fn a_list_ends_where_the_server_says_so_and_never_later_than_its_bounds() {
        check(&[(11, None)], Ok(None));
        check(&[(5, Some("a")), (5, Some("b"))], Ok(Some("b")));
        check(&[(5, Some("a")), (5, Some("b")), (1, None)], Ok(None));
        check(&[(5, Some(""))], Err("page 1 ends with an empty cursor"));
        check(&[(5, Some("a")), (5, Some("b")), (5, Some("a"))], Err("page 3 repeats a cursor"));
        check(&[(1000, None)], Ok(None));
        check(&[(999, Some("a")), (2, None)], Err("more than 1000 tools"));
    }

    #[test]
    fn the_thirty_second_page_is_the_last() {
        let cursors: Vec<String> = (0..32).map(|page| page.to_string()).collect();
        let mut pages: Vec<_> = cursors.iter().map(|cursor| (1, Some(cursor.as_str()))).collect();
        check(&pages, Err("more than 32 pages"));
        pages[31].1 = None;
        check(&pages, Ok(None));
    }
}
