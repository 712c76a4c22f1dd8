//! What tokens cost, as a dated table. A model that is not in it has no price; never a price of zero.

use serde::Serialize;

use domain::usage::{Cost, NanoUsd, Usage};

/// The day on which the prices below were read from the first-party price list.
pub const TABLE: &str = "2026-11-22";

/// What `usage` of one request costs with `model`, or `None` for a model without a known price.
#[must_use]
pub fn cost(model: &str, usage: &Usage) -> Cost {
    let family = PRICES.iter().find(|family| family.covers(model))?;
    let tier = family.tiers.iter().find(|tier| usage.prompt() <= tier.up_to_prompt)?;
    let amounts = [
        (usage.input, tier.input),
        (usage.output, tier.output),
        (usage.cache_write_5m, tier.cache_write_5m),
        (usage.cache_write_1h, tier.cache_write_1h),
        (usage.cache_read, tier.cache_read),
    ];
    let add = |sum: u64, (tokens, price): (u64, u64)| sum.checked_add(tokens.checked_mul(price)?);
    amounts.into_iter().try_fold(0, add).map(NanoUsd)
}

/// The most that one request can cost with `model`, whose body has so many bytes: a token is a byte at least, all of the
/// prompt is written to the cache, and the reply is as long as it may be. `None` for a model without a known price.
#[must_use]
pub fn most(model: &str, body: usize, max_tokens: u32) -> Cost {
    let prompt = u64::try_from(body).unwrap_or(u64::MAX).saturating_add(UNSEEN);
    cost(model, &Usage { cache_write_5m: prompt, output: max_tokens.into(), ..Usage::default() })
}

/// The models that have a price.
#[must_use]
pub fn known() -> Vec<&'static str> {
    PRICES.iter().map(|family| family.id).collect()
}

/// What a million tokens cost, in US dollars, for requests with prompts of so many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// The most prompt tokens, cached ones included, for which this holds; nothing: any number.
    pub up_to_prompt: Option<u64>,
    /// Of the prompt.
    pub prompt: f64,
    /// Of the reply.
    pub reply: f64,
    /// Of the prompt, read from the cache.
    pub from_cache: f64,
    /// Of the prompt, written to the cache for five minutes.
    pub to_cache: f64,
}

/// The rates of `model`, by rising prompt size; none for a model without a known price.
#[must_use]
pub fn rates(model: &str) -> Vec<Rate> {
    let family = PRICES.iter().find(|family| family.covers(model));
    let tiers = family.map_or(&[][..], |family| family.tiers);
    #[expect(clippy::cast_precision_loss, reason = "prices are small numbers")]
    let dollars = |thousandths: u64| thousandths as f64 / 1_000.0;
    let rate = |tier: &Tier| Rate {
        up_to_prompt: Some(tier.up_to_prompt).filter(|most| *most < u64::MAX),
        prompt: dollars(tier.input),
        reply: dollars(tier.output),
        from_cache: dollars(tier.cache_read),
        to_cache: dollars(tier.cache_write_5m),
    };
    tiers.iter().map(rate).collect()
}

/// Tokens that the API adds to a prompt by itself, for tools and formats.
const UNSEEN: u64 = 1_000;

/// The prices of one model, whatever date its id ends in.
struct Family {
    id: &'static str,
    /// By rising prompt size.
    tiers: &'static [Tier],
}

/// Prices in billionths of a dollar per token, which is thousandths of a dollar per million tokens.
struct Tier {
    /// The most prompt tokens of a request, cached ones included, for which these prices hold.
    up_to_prompt: u64,
    input: u64,
    output: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    cache_read: u64,
}

impl Family {
    /// Whether `model` is this model: its id, alone or followed by a date of eight digits.
    fn covers(&self, model: &str) -> bool {
        let Some(rest) = model.strip_prefix(self.id) else { return false };
        let is_date = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        rest.is_empty() || rest.strip_prefix('-').is_some_and(is_date)
    }
}

impl Tier {
    /// One tier for any prompt; writes cost 1.25 and 2 times the input, reads as given.
    const fn flat(input: u64, output: u64, cache_read: u64) -> Self {
        Self {
            up_to_prompt: u64::MAX,
            input,
            output,
            cache_write_5m: input * 5 / 4,
            cache_write_1h: input * 2,
            cache_read,
        }
    }

    const fn up_to(mut self, prompt: u64) -> Self {
        self.up_to_prompt = prompt;
        self
    }
}

static PRICES: [Family; 7] = [
    Family {
        id: "claude-haiku-5-5",
        tiers: &[Tier::flat(100, 500, 10).up_to(100_000), Tier::flat(500, 2_500, 50)],
    },
    Family { id: "claude-sonnet-5-5", tiers: &[Tier::flat(2_000, 10_000, 100)] },
    Family { id: "claude-opus-5-5", tiers: &[Tier::flat(4_000, 20_000, 200)] },
    Family { id: "claude-fable-5-1", tiers: &[Tier::flat(10_000, 50_000, 250)] },
    Family { id: "claude-opus-5", tiers: &[Tier::flat(5_000, 25_000, 500)] },
    Family { id: "claude-sonnet-5", tiers: &[Tier::flat(2_000, 10_000, 200)] },
    Family { id: "claude-haiku-4-5", tiers: &[Tier::flat(1_000, 5_000, 100)] },
];

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: u64 = 1_000_000;

    #[test]
    fn rates_are_what_a_million_tokens_cost() {
        for (model, up_to_prompt, prompt, reply) in [
            ("claude-sonnet-5-5", vec![None], vec![2.0], vec![10.0]),
            ("claude-haiku-5-5-20261001", vec![Some(100_000), None], vec![0.1, 0.5], vec![0.5, 2.5]),
            ("gpt-9", vec![], vec![], vec![]),
        ] {
            let rates = rates(model);
            assert_eq!(rates.iter().map(|own| own.up_to_prompt).collect::<Vec<_>>(), up_to_prompt, "{model}");
            assert_eq!(rates.iter().map(|own| own.prompt).collect::<Vec<_>>(), prompt, "{model}");
            assert_eq!(rates.iter().map(|own| own.reply).collect::<Vec<_>>(), reply, "{model}");
        }
    }

    #[test]
    fn a_million_tokens_cost_what_the_price_list_says() {
        let usage = |input, output, cache_write_5m, cache_write_1h, cache_read| Usage {
            input,
            output,
            cache_write_5m,
            cache_write_1h,
            cache_read,
        };
        let rows = [
            ("claude-haiku-5-5", usage(0, MILLION, 0, 0, 0), 0.50),
            ("claude-haiku-5-5", usage(MILLION, 0, 0, 0, 0), 0.50),
            ("claude-haiku-5-5", usage(100_000, 0, 0, 0, 0), 0.01),
            ("claude-haiku-5-5", usage(100_001, 0, 0, 0, 0), 0.050_000_5),
            ("claude-haiku-5-5", usage(1, 0, 50_000, 0, 50_000), 0.500e-6 + 0.031_25 + 0.002_5),
            ("claude-sonnet-5-5", usage(MILLION, MILLION, MILLION, MILLION, MILLION), 18.6),
            ("claude-opus-5-5", usage(0, 0, MILLION, 0, MILLION), 5.2),
            ("claude-fable-5-1", usage(0, 0, 0, MILLION, MILLION), 20.25),
            ("claude-haiku-4-5-20251001", usage(MILLION, 0, 0, 0, 0), 1.0),
        ];
        for (model, usage, dollars) in rows {
            let nano = cost(model, &usage).expect("known").dollars();
            assert!((nano - dollars).abs() < 1e-12, "{model} {usage:?}: {nano} instead of {dollars}");
        }
    }

    #[test]
    fn a_model_is_its_id_with_or_without_a_date() {
        let usage = Usage { input: MILLION, ..Usage::default() };
        let rows = [
            ("claude-opus-5", Some(5_000_000_000)),
            ("claude-opus-5-20260801", Some(5_000_000_000)),
            ("claude-opus-5-5", Some(4_000_000_000)),
            ("claude-opus-5-5-20261007", Some(4_000_000_000)),
            ("claude-opus-520260801", None),
            ("claude-opus-5-", None),
            ("claude-opus-5-9", None),
            ("claude-opus-5-2026080x", None),
            ("llama-4", None),
            ("", None),
        ];
        for (model, expected) in rows {
            assert_eq!(cost(model, &usage), expected.map(NanoUsd), "{model}");
        }
    }

    #[test]
    fn an_absurd_usage_has_no_price_instead_of_a_wrong_one() {
        assert_eq!(cost("claude-opus-5", &Usage { output: u64::MAX, ..Usage::default() }), None);
    }
}
