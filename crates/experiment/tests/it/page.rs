//! The page of a report in a browser that nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use experiment::page::{html, page};
use experiment::report::Report;
use serde_json::Value;

/// How wide a phone is, in CSS pixels.
const PHONE: u32 = 390;
/// How wide a window on a desk is.
const DESK: u32 = 1280;

#[test]
fn the_page_fits_a_phone_and_a_desk_and_nothing_in_it_fails() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let sample = include_str!("sample.json");
    let long = "Donaudampfschifffahrtsgesellschaft".repeat(4);
    let with_long_names = sample.replace("persona.anna", &long).replace("\"calendar\"", &format!("{long:?}"));
    for (report, width) in
        [(sample, PHONE), (sample, DESK), (&with_long_names, PHONE), (&with_long_names, DESK)]
    {
        let report: Report = serde_json::from_str(report).unwrap();
        std::fs::write(folder.path().join("report.html"), html(&page(&report))).unwrap();
        let (found, complaints) = measured(&browser, folder.path(), width);
        assert_eq!(complaints, Vec::<String>::new(), "{width} px: what the browser complains about");
        assert_eq!(found["wide"], Value::Array(vec![]), "{width} px: elements that are too wide");
        assert_eq!(found["scroll"], width, "{width} px: the page scrolls sideways");
        assert_eq!(found["plots"], 4, "{width} px: plots that take up room");
        assert_eq!(found["verdict"], "better", "{width} px");
    }
}

/// Frames the page in a window of this width and measures it; beside that, what the console said.
fn measured(browser: &Path, folder: &Path, width: u32) -> (Value, Vec<String>) {
    let frame = format!("frame-{width}.html");
    std::fs::write(folder.join(&frame), FRAME.replace("WIDTH", &width.to_string())).unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--disable-gpu",
            "--disable-background-networking",
        ])
        .args([
            "--no-first-run",
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            "--log-level=0",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--window-size=1400,900", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", folder.join(&frame).display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let found = dom.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (found, _) = found.unwrap_or_else(|| panic!("nothing was measured: {dom}\n{log}"));
    let complaints = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    (serde_json::from_str(found).unwrap(), complaints)
}

/// The page runs no script, so the frame around it measures.
const FRAME: &str = r#"<!DOCTYPE html>
<iframe src="report.html" style="width:WIDTHpx;height:900px;border:0"></iframe>
<pre id="found"></pre>
<script>
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument;
  const seen = [...page.querySelectorAll("body, body *")].filter(own => own.getClientRects().length > 0);
  const place = own => own.tagName.toLowerCase() + "." + (own.getAttribute("class") || "") + " " +
    Math.round(own.getBoundingClientRect().right) + " " + own.textContent.slice(0, 40).replace(/[<&]/g, "");
  document.getElementById("found").textContent = JSON.stringify({
    wide: seen.filter(own => own.getBoundingClientRect().right > WIDTH + 0.5).map(place).slice(0, 10),
    scroll: page.documentElement.scrollWidth,
    plots: [...page.querySelectorAll("svg")].filter(own => own.getBoundingClientRect().height > 100).length,
    verdict: page.querySelector(".outcome").lastChild.textContent.trim(),
  });
});
</script>
"#;

/// A Chromium that is installed here, unless it is to be left out.
fn browser() -> Option<PathBuf> {
    if std::env::var("PERSONA_HOST_SKIP_CHROMIUM").is_ok_and(|skip| skip == "1") {
        println!("SKIPPED: PERSONA_HOST_SKIP_CHROMIUM=1, so nobody looked at the page");
        return None;
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        println!("SKIPPED: none of {names:?} is installed, so nobody looked at the page");
    }
    found
}
