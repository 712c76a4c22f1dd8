//! An experiment file as it is written. What it may say is not known here.

use serde::Deserialize;

use domain::experiment::{Design, Exclusive, Guardrail, Metric, Stopping};

/// An experiment file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) key: String,
    pub(super) question: String,
    #[serde(default = "crossover")]
    pub(super) design: Design,
    pub(super) arms: Vec<WrittenArm>,
    #[serde(default)]
    pub(super) personas: WrittenWho,
    #[serde(default = "rating")]
    pub(super) primary: Metric,
    #[serde(default)]
    pub(super) secondary: Vec<Metric>,
    #[serde(default)]
    pub(super) guardrails: Vec<Guardrail>,
    pub(super) margin: Option<f64>,
    pub(super) alpha: Option<f64>,
    pub(super) blocks: Option<u32>,
    #[serde(default = "sequential")]
    pub(super) stopping: Stopping,
    pub(super) budget: Option<f64>,
    pub(super) starts: Option<toml::value::Datetime>,
    pub(super) ends: Option<toml::value::Datetime>,
    pub(super) seed: Option<String>,
    pub(super) version: Option<u32>,
    pub(super) minimum_version: Option<u32>,
    pub(super) traffic: Option<f64>,
    pub(super) exclusive: Option<Exclusive>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenArm {
    pub(super) name: String,
    pub(super) strategy: String,
    #[serde(default)]
    pub(super) control: bool,
    #[serde(default)]
    pub(super) settings: toml::Table,
    pub(super) weight: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenWho {
    pub(super) archetypes: Option<Vec<String>>,
    pub(super) emails: Option<Vec<String>>,
}

fn crossover() -> Design {
    Design::Crossover
}

fn rating() -> Metric {
    Metric::Rating
}

fn sequential() -> Stopping {
    Stopping::Sequential
}
