//! Each page by its path, and what it is called: the document of the API lists them.

/// Each page, and what pages are made of.
pub(in crate::http) const SHOWN: [(&str, &str); 13] = [
    ("/", "Now"),
    ("/turns", "Turns"),
    ("/turns/{id}", "A turn"),
    ("/compare", "Two turns side by side"),
    ("/personas", "Personas"),
    ("/personas/{email}", "A persona"),
    ("/plugins", "Plugins"),
    ("/experiments", "Experiments"),
    ("/experiments/{key}", "An experiment"),
    ("/experiments/{key}/report", "The report of an experiment"),
    ("/costs", "Costs"),
    ("/api", "API"),
    ("/assets/{name}", "A script or a style"),
];
