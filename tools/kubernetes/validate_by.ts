/** The published validators, by the classes that they are published with. */
import type { Fault, Validate } from "./strict.ts";

/** A class of kubernetes-models and its kin. */
export interface Model {
  readonly prototype: { validate(): void };
}

/** Without making an object of the class: that would copy what is to be watched. */
export function validateBy(model: Model): Validate {
  return (data) => {
    try {
      model.prototype.validate.call(data);
      return [];
    } catch (error) {
      const faults = (error as { errors?: readonly Fault[] }).errors;
      if (!faults) throw error;
      return faults;
    }
  };
}
