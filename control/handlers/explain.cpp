// explain: the engine's prediction as JSON.
#include "control/handlers/handlers.h"

namespace spigrp {

Expected<nlohmann::json> answer_explain(const HandlerContext& context, const ExplainQuery& query) {
  const auto explanation = context.engine.explain(query);
  if (!explanation) return tl::unexpected(explanation.error());
  return to_json(*explanation);
}

}  // namespace spigrp
