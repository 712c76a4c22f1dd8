//! Words and rules: the values that every part of persona-host shares. No IO, no waiting, no clock of its own.
//!
//! Begin at [`persona`] (who acts), [`action`] and [`rating`] (what comes of a turn), [`fault`] (what may go wrong) and
//! [`event`] (what is told of it). [`behavior`] and [`plugin`] are what components are asked and what is known of them.

pub mod action;
pub mod attempt;
pub mod behavior;
pub mod budget;
pub mod call;
pub mod clock;
pub mod code;
pub mod delivery;
pub mod encoding;
pub mod event;
pub mod experiment;
pub mod fault;
pub mod ids;
pub mod kept_turn;
pub mod kind;
pub mod lenient;
pub mod letter;
pub mod mask;
pub mod observation;
pub mod persona;
pub mod playing;
pub mod plugin;
pub mod rating;
pub mod said;
pub mod state;
pub mod step;
pub mod stop;
pub mod strategy;
pub mod tool;
pub mod trace;
pub mod transcript;
pub mod turn_end;
pub mod upstream;
pub mod usage;
