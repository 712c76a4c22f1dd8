//! The Claude Messages API: one typed call, streamed, retried and priced. It knows no tool server.
