//! The decoder of server-sent events, alone and with the assembly of the reply, over one long reply
//! in chunks as a socket gives them.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use persona_host::model::stream::Assembly;
use persona_host::sse::{Decoder, Event};
use serde_json::{Value, json};

const CHUNK: usize = 4 << 10;
const LIMIT: usize = 4 << 20;

/// A text of many small deltas and a tool call, about 300 KiB on the wire.
fn reply() -> String {
    let mut wire = String::new();
    let mut send = |event: Value| {
        let name = event["type"].as_str().expect("every event has a type");
        write!(wire, "event: {name}\ndata: {event}\n\n").expect("a string grows");
    };
    send(json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-haiku-5-5",
        "usage": {"input_tokens": 12, "cache_read_input_tokens": 6000, "output_tokens": 1}}}));
    send(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}));
    send(json!({"type": "ping"}));
    for _ in 0..2200 {
        send(json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": "ein Stück Tag, "}}));
    }
    send(json!({"type": "content_block_stop", "index": 0}));
    send(json!({"type": "content_block_start", "index": 1,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "notes_create", "input": {}}}));
    let input = json!({"title": "Einkauf", "content": "Milch, Brot, Äpfel. ".repeat(60)}).to_string();
    for piece in input.chars().collect::<Vec<_>>().chunks(16) {
        let piece: String = piece.iter().collect();
        send(json!({"type": "content_block_delta", "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": piece}}));
    }
    send(json!({"type": "content_block_stop", "index": 1}));
    send(
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9000}}),
    );
    send(json!({"type": "message_stop"}));
    wire
}

fn decode(wire: &[u8], mut each: impl FnMut(&Event)) {
    let mut decoder = Decoder::new(LIMIT);
    let mut events = Vec::new();
    for chunk in wire.chunks(CHUNK) {
        decoder.feed(chunk, &mut events).expect("no event is that long");
        events.drain(..).for_each(|event| each(&event));
    }
}

fn sse(criterion: &mut Criterion) {
    let wire = reply();
    let mut group = criterion.benchmark_group("sse");
    group.throughput(Throughput::Bytes(wire.len() as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            decode(black_box(wire.as_bytes()), |event| {
                black_box(event);
            })
        });
    });
    group.bench_function("decode and assemble", |bencher| {
        bencher.iter_batched(
            Assembly::default,
            |mut assembly| {
                decode(black_box(wire.as_bytes()), |event| assembly.take(event).expect("a good stream"));
                assembly.finish().expect("a whole reply")
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, sse);
criterion_main!(benches);
