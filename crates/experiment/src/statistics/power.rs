//! What a study of some size can find, by the noncentral t distribution of its persona-level test.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};
use statrs::function::gamma::ln_gamma;

/// With fewer personas a split finds hardly anything.
pub const SPLIT_PERSONAS: u32 = 30;
/// More personas than this are nobody's plan.
const MOST_PERSONAS: u32 = 1_000_000;
/// Steps of the numerical integral.
const STEPS: u32 = 2_000;

/// A study: how many, and how much varies. All standard deviations are in rating points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Study {
    /// Personas.
    pub personas: u32,
    /// Pairs per persona: blocks times modules.
    pub pairs: f64,
    /// How much the effect differs between personas.
    pub effect_sd: f64,
    /// How much one pair's difference differs from the next of the same persona.
    pub noise_sd: f64,
    /// Of a split design, how much the personas' own means differ. None: a crossover, where they do not matter.
    pub persona_sd: Option<f64>,
    /// The accepted rate of false alarms.
    pub alpha: f64,
}

/// The smallest two-sided p-value that the exact test can give to so many personas: 2/2^G.
#[must_use]
pub fn floor(personas: usize) -> f64 {
    i32::try_from(personas).map_or(0.0, |personas| 2.0_f64.powi(1 - personas).min(1.0))
}

/// How many questions a test needs to find a difference between two models, both of which answer each of them
/// `answers` times (Miller, arXiv 2411.00640): `(z_{α/2} + z_β)² (ω² + 2σ²/K) / δ²`, where ω² is the variance of
/// the difference between questions and σ² that of one answer.
#[must_use]
pub fn miller(delta: f64, between: f64, within: f64, answers: f64, alpha: f64, power: f64) -> f64 {
    let normal = Normal::standard();
    let z = normal.inverse_cdf(1.0 - alpha / 2.0) + normal.inverse_cdf(power);
    z * z * (between + 2.0 * within / answers) / (delta * delta)
}

impl Study {
    /// The standard error of the effect. Crossover: `√((τ² + s²/m)/G)`. Split, two arms of G/2: the arms' means
    /// have the persona's own spread, half of a pair's noise, and in one arm the spread of the effect.
    #[must_use]
    pub fn se(&self) -> f64 {
        let (effects, noise) = (self.effect_sd.powi(2), self.noise_sd.powi(2) / self.pairs);
        let personas = f64::from(self.personas);
        match self.persona_sd {
            None => ((effects + noise) / personas).sqrt(),
            Some(own) => ((2.0 * own.powi(2) + noise + effects) * 2.0 / personas).sqrt(),
        }
    }

    /// The chance to find an effect of this size. None with too few personas for a spread.
    #[must_use]
    pub fn power(&self, effect: f64) -> Option<f64> {
        let df = f64::from(self.personas) - if self.persona_sd.is_some() { 2.0 } else { 1.0 };
        let se = self.se();
        if df < 1.0 || se <= 0.0 || se.is_nan() {
            return None;
        }
        let critical = StudentsT::new(0.0, 1.0, df).ok()?.inverse_cdf(1.0 - self.alpha / 2.0);
        let shift = effect.abs() / se;
        Some(1.0 - noncentral_t(critical, df, shift) + noncentral_t(-critical, df, shift))
    }

    /// The effect that is found with this chance.
    #[must_use]
    pub fn detectable(&self, power: f64) -> Option<f64> {
        let (mut low, mut high) = (0.0, self.se());
        while self.power(high)? < power {
            high *= 2.0;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.power(middle)? < power { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// The fewest personas with which an effect of this size is found with this chance. Miller's formula, which takes
    /// the normal distribution for Student's, is where the search begins: for chances well above alpha it is never too
    /// large.
    #[must_use]
    pub fn needed(&self, effect: f64, power: f64) -> Option<u32> {
        if effect == 0.0 || effect.is_nan() {
            return None;
        }
        let (effects, noise) = (self.effect_sd.powi(2), self.noise_sd.powi(2) / 2.0);
        let least = match self.persona_sd {
            None => miller(effect, effects, noise, self.pairs, self.alpha, power),
            Some(own) => {
                miller(effect, 4.0 * own.powi(2) + 2.0 * effects, 2.0 * noise, self.pairs, self.alpha, power)
            }
        };
        let least = if power > 2.0 * self.alpha { least } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
        let first = least.floor().clamp(1.0, f64::from(MOST_PERSONAS)) as u32;
        let finds = |personas: &u32| {
            Self { personas: *personas, ..*self }.power(effect).is_some_and(|own| own >= power)
        };
        (first..=MOST_PERSONAS).find(finds)
    }
}

/// The noncentral t distribution: `∫ Φ(t·s − δ) f(s) ds`, where s is the sample's deviation over the true one.
fn noncentral_t(t: f64, df: f64, shift: f64) -> f64 {
    let normal = Normal::standard();
    let log_scale = 2.0_f64.ln() + df / 2.0 * (df / 2.0).ln() - ln_gamma(df / 2.0);
    let density = |s: f64| {
        if s <= 0.0 { 0.0 } else { (log_scale + (df - 1.0) * s.ln() - df * s * s / 2.0).exp() }
    };
    let deviation = 1.0 / (2.0 * df).sqrt();
    let (from, to) = ((1.0 - 12.0 * deviation).max(0.0), 1.0 + 12.0 * deviation);
    let step = (to - from) / f64::from(STEPS);
    let at = |index: u32| {
        let s = from + f64::from(index) * step;
        density(s) * normal.cdf(t * s - shift)
    };
    // Simpson's rule.
    let weight = |index: u32| match index {
        0 | STEPS => 1.0,
        odd if odd % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=STEPS).map(|index| weight(index) * at(index)).sum::<f64>() * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    fn study(personas: u32, pairs: f64) -> Study {
        Study { personas, pairs, effect_sd: 0.25, noise_sd: 1.0, persona_sd: None, alpha: 0.05 }
    }

    #[test]
    fn the_noncentral_distribution_agrees_with_scipy() {
        // scipy.stats.nct.cdf.
        for (t, df, shift, p) in [
            (2.262, 9.0, 0.0, 0.9749935772487727),
            (2.262, 9.0, 2.5, 0.393819991691973),
            (-2.262, 9.0, 1.0, 0.002094702225569972),
            (1.5, 2.0, 3.0, 0.08761997561345901),
            (12.7, 1.0, 5.0, 0.6946991808765177),
            (2.0, 49.0, 2.8, 0.21352162260620045),
        ] {
            near(noncentral_t(t, df, shift), p, 1e-8);
        }
    }

    #[test]
    fn plans_agree_with_the_published_figures() {
        // AC-21 and section 5.7.
        for (pairs, personas) in [(4.0, 42), (12.0, 21), (40.0, 14), (120.0, 11)] {
            assert_eq!(study(10, pairs).needed(0.25, 0.8), Some(personas), "{pairs} pairs");
        }
        for (personas, detectable) in [(5, 0.64), (10, 0.38), (20, 0.25), (50, 0.15), (100, 0.11)] {
            near(study(personas, 12.0).detectable(0.8).unwrap(), detectable, 0.006);
        }
        near(study(10, 12.0).detectable(0.8).unwrap(), 0.380_354_3, 1e-6);
        near(study(20, 12.0).detectable(0.8).unwrap(), 0.252_210_3, 1e-6);
    }

    #[test]
    fn the_search_for_personas_misses_no_smaller_number() {
        for (pairs, persona_sd, effect) in [
            (4.0, None, 0.25),
            (120.0, None, 0.5),
            (30.0, Some(0.6), 0.5),
            (30.0, Some(0.6), 2.0),
            (12.0, None, 3.0),
        ] {
            let study = Study { persona_sd, ..study(10, pairs) };
            let needed = study.needed(effect, 0.8).unwrap();
            let finds =
                |personas: u32| Study { personas, ..study }.power(effect).is_some_and(|own| own >= 0.8);
            let smallest = (1..).find(|personas| finds(*personas)).unwrap();
            assert_eq!(needed, smallest, "{pairs} {persona_sd:?} {effect}");
        }
    }

    #[test]
    fn the_formula_for_questions_agrees_with_the_published_figures() {
        // AC-21.
        near(miller(0.03, 1.0 / 9.0, 0.0, 1.0, 0.05, 0.8), 968.997_5, 1e-4);
        near(miller(0.03, 1.0 / 9.0, 1.0 / 6.0, 1.0, 0.05, 0.8), 3_875.99, 1e-2);
        near(miller(0.03, 1.0 / 9.0, 1.0 / 6.0, 10.0, 0.05, 0.8), 1_259.70, 1e-2);
    }

    #[test]
    fn a_split_needs_far_more_personas_than_a_crossover() {
        let split = Study { persona_sd: Some(0.6), ..study(10, 30.0) };
        assert!(split.needed(0.25, 0.8).unwrap() > 10 * study(10, 30.0).needed(0.25, 0.8).unwrap() / 2);
        assert_eq!(Study { personas: 2, ..split }.power(0.5), None, "one persona an arm has no spread");
        assert_eq!(study(1, 12.0).power(0.5), None);
        assert_eq!(study(10, 12.0).needed(0.0, 0.8), None, "nothing finds no effect");
    }

    #[test]
    fn no_effect_is_found_as_often_as_alpha() {
        near(study(10, 12.0).power(0.0).unwrap(), 0.05, 1e-6);
    }
}
