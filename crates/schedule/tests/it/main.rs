//! Calendars of the whole world, and a month of many personas.

#![expect(clippy::unwrap_used, reason = "what cannot be had ends the test")]

mod calendars;
mod catch_up;
mod simulation;

use domain::ids::PersonaId;
use domain::persona::{Cadence, Persona};

fn persona(id: &str, cadence: Cadence) -> Persona {
    Persona {
        id: PersonaId::new(id),
        email: format!("persona.{id}@mana.test"),
        archetype: "any".to_owned(),
        system_prompt: String::new(),
        module_mix: vec![],
        cadence,
        last_active_at: None,
    }
}
