/* Types as written in declarations, and how parameters start. Private to elaborate/. */
#ifndef NNC_ELABORATE_INIT_H
#define NNC_ELABORATE_INIT_H
#include "elaborate/context.h"

/* False after an error. */
bool eval_type(Elab *el, const TypeExpr *written, Type *out);
bool init_from(Elab *el, Span at, const Value *value, Type type, Init *out);
#endif
